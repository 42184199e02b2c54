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
import { formatHex64, u64FromBigint } from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import { findSymbolName, nameLinuxRegion, type SymbolTable } from '../symbols/index.ts';

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

export interface GuestSymbols {
  readonly code: SymbolTable;
  readonly data: SymbolTable;
}

/** Bits of a block's mode. */
const MODE_CPL = 3;
const MODE_LONG = 1 << 14;

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
      name:
        findSymbolName(symbols.data, addressLo, addressHi) ??
        findSymbolName(symbols.code, addressLo, addressHi) ??
        nameLinuxRegion(addressLo, addressHi),
      loads,
      stores,
    })),
    functions: finishTopFunctions(functions, (block) => nameBlock(trace, symbols, block), limit),
  };
}

/** The function a block belongs to; code without symbols goes by who runs it. */
function nameBlock(trace: Trace, symbols: GuestSymbols, block: number): string {
  if (trace.code.insnCount(block) === 0) return '(event delivery)';
  const { lo, hi } = u64FromBigint(trace.code.vaddr(block));
  const name = findSymbolName(symbols.code, lo, hi);
  if (name !== undefined) return name;
  const mode = trace.code.mode(block);
  if (mode === undefined) return nameLinuxRegion(lo, hi);
  if ((mode & MODE_LONG) === 0) return '(firmware and boot loader)';
  return (mode & MODE_CPL) === 3 ? '(user programs)' : '(kernel before its final address)';
}
