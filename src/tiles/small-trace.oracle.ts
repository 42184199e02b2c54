// SPDX-License-Identifier: Apache-2.0
// Random traces in files, and tiles counted from the list of their accesses, one by one. Test support.

import { mkdtemp, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { openTrace, type Trace } from '../format/index.ts';
import { type ProgramOptions, randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import type { SeenAccess, SeenTrace } from '../format/reference-trace.oracle.ts';
import type { Space, TileQuery } from './view-index.ts';

/** The threads run what was built. */
export const BUILD_WORKER: URL = new URL('../../dist/tiles/build.worker.node.js', import.meta.url);
export const CHUNKS_WORKER: URL = new URL(
  '../../dist/tiles/chunks.worker.node.js',
  import.meta.url,
);

export interface SmallTrace {
  readonly folder: string;
  readonly file: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly seen: SeenTrace;
  readonly trace: Trace;
}

export async function writeSmallTrace(options: ProgramOptions): Promise<SmallTrace> {
  const { bytes, seen } = encodeTrace(randomTrace(options));
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tiles-'));
  const file = path.join(folder, 'a.memtrace');
  await writeFile(file, bytes);
  return { folder, file, bytes, seen, trace: await openTrace(file) };
}

/** A part of an access, in one page. */
interface Part {
  readonly stream: number;
  readonly ordinal: number;
  readonly page: bigint;
  readonly byte: number;
  readonly store: boolean;
}

const NOT_KNOWN = 2n ** 64n - 1n;

export function partsOf(accesses: readonly SeenAccess[], space: Space): Part[] {
  return accesses.flatMap((one) => {
    if (one.aborted) return [];
    const { stream, ordinal, store } = one;
    const at = (address: bigint): Part => ({
      ...{ stream, ordinal, store },
      ...{ page: address >> 12n, byte: Number(address & 4095n) },
    });
    if (space === 'physical') {
      return [one.paddr, one.secondPaddr ?? NOT_KNOWN].filter((it) => it !== NOT_KNOWN).map(at);
    }
    if (one.phys) return [];
    const last = BigInt.asUintN(64, one.vaddr + BigInt(one.size) - 1n);
    const crosses = one.vaddr >> 12n !== last >> 12n;
    return crosses ? [at(one.vaddr), at((last >> 12n) << 12n)] : [at(one.vaddr)];
  });
}

export function pagesOf(parts: readonly Part[]): bigint[] {
  return [...new Set(parts.map(({ page }) => page))].sort((a, b) => (a < b ? -1 : 1));
}

/** Loads and stores of the cells of a tile. */
export function countTile(
  parts: readonly Part[],
  pages: readonly bigint[],
  query: TileQuery,
): { readonly loads: number[]; readonly stores: number[] } {
  const { stream, from, to, columns, low, high, rows } = query;
  const rankOf = new Map(pages.map((page, rank) => [page, rank]));
  const loads = Array.from({ length: columns * rows }, () => 0);
  const stores = Array.from({ length: columns * rows }, () => 0);
  const cellOf = (position: number, begin: number, end: number, cells: number): number => {
    let cell = 0;
    while (cell + 1 < cells && begin + ((cell + 1) * (end - begin)) / cells <= position) cell++;
    return cell;
  };
  for (const part of parts) {
    if (part.stream !== stream || part.ordinal < from || part.ordinal >= to) continue;
    const position = (rankOf.get(part.page) ?? -1) + part.byte / 4096;
    if (position < low || position >= high) continue;
    const column = cellOf(part.ordinal, from, to, columns);
    const cell = cellOf(position, low, high, rows) * columns + column;
    const counts = part.store ? stores : loads;
    counts[cell] = (counts[cell] ?? 0) + 1;
  }
  return { loads, stores };
}

export function sumOf(counts: Iterable<number>): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
