// SPDX-License-Identifier: Apache-2.0
// Top pages and top functions of a trace, in one pass over its accesses.

import {
  consumeTopFunctions,
  consumeTopPages,
  finishTopFunctions,
  finishTopPages,
  initTopFunctions,
  initTopPages,
  type TopFunctionsResult,
} from '../analysis/index.ts';
import { formatHex64 } from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import { formatSymbol, type GuestSymbols, nameCode, nameLinuxRegion } from '../symbols/index.ts';

export interface NamedPage {
  /** Virtual address of the page. */
  readonly address: string;
  /** Symbol of the page's first byte, or the region of the address space. */
  readonly name: string;
  readonly loads: number;
  readonly stores: number;
}

export interface TopCounts {
  readonly pageCount: number;
  readonly pages: readonly NamedPage[];
  readonly functions: TopFunctionsResult;
}

export async function countTops(
  trace: Trace,
  symbols: GuestSymbols,
  limit: number,
  onProgress?: (part: number) => void,
  signal?: AbortSignal,
): Promise<TopCounts> {
  const pages = initTopPages();
  const functions = initTopFunctions(trace.code.blockCount);
  const summary = trace.summary();
  const total = summary.loads + summary.stores;
  let done = 0;
  const batches = trace.accesses({
    columns: ['vaddr', 'flags', 'block'],
    ...(signal === undefined ? {} : { signal }),
  });
  for await (const batch of batches) {
    consumeTopPages(pages, batch);
    consumeTopFunctions(functions, batch);
    done += batch.length;
    onProgress?.(total === 0 ? 1 : done / total);
  }
  const { pageCount, pages: rows } = finishTopPages(pages, limit);
  return {
    pageCount,
    pages: rows.map(({ addressLo, addressHi, loads, stores }) => ({
      address: formatHex64(addressLo, addressHi),
      name: namePage(symbols, addressLo, addressHi),
      loads,
      stores,
    })),
    functions: finishTopFunctions(
      functions,
      (block) => nameCode(trace.code, symbols, block),
      limit,
    ),
  };
}

function namePage(symbols: GuestSymbols, lo: number, hi: number): string {
  const place = symbols.findKernel(lo, hi, 'data') ?? symbols.findKernel(lo, hi, 'code');
  return place === undefined ? nameLinuxRegion(lo, hi, symbols.isRandomized) : formatSymbol(place);
}
