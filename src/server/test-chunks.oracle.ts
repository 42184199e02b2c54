// SPDX-License-Identifier: Apache-2.0
// A made-up trace with chunks and an index that come straight from the list of its accesses: what lists and searches
// are compared with.

import { requireDefined } from '../base/index.ts';
import { byteSourceFromBytes, openTraceSource, type Trace } from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import type { SeenAccess } from '../format/reference-trace.oracle.ts';
import type { ChunkCache, ChunkColumns, PageAxis, TouchQuery, ViewIndex } from '../tiles/index.ts';
import type { AddressRange } from './parameters.ts';

export interface MadeUp {
  readonly trace: Trace;
  readonly seen: readonly SeenAccess[];
  readonly chunks: ChunkCache & { readonly decoded: number[] };
  readonly index: ViewIndex;
}

export async function makeUp(seed: number, streams: number): Promise<MadeUp> {
  const { bytes, seen } = encodeTrace(
    randomTrace({ seed, blockCount: 9, executions: 900, streams, oddity: 0.2 }),
  );
  const trace = await openTraceSource(byteSourceFromBytes(bytes));
  const decoded: number[] = [];
  const held = new Map<number, ChunkColumns>();
  const chunks: MadeUp['chunks'] = {
    decoded,
    heldBytes: 0,
    release: async () => undefined,
    async columns(chunkIndex) {
      decoded.push(chunkIndex);
      const known = held.get(chunkIndex);
      if (known !== undefined) return known;
      const info = requireDefined(trace.chunks[chunkIndex], 'it is one of the trace');
      const { stream, firstOrdinal, accessCount } = info;
      const range = { stream, from: firstOrdinal, to: firstOrdinal + accessCount };
      const parts: ChunkColumns[] = [];
      // The chunk is smaller than a batch.
      for await (const batch of trace.accesses({
        ...{ ...range, columns: MATCHED, includeAborted: true, copy: true },
      })) {
        parts.push(batch);
      }
      if (parts.length > 1) throw new Error('the chunk has several batches');
      const columns = parts[0] ?? { chunkIndex, stream, firstOrdinal, length: 0 };
      held.set(chunkIndex, columns);
      return columns;
    },
    places: notMadeUp,
    close: async () => undefined,
  };
  return { trace, seen: seen.accesses, chunks, index: indexOf(seen.accesses) };
}

const PAGE = 4096n;
const MATCHED = [
  ...(['vaddr', 'paddr', 'size', 'flags'] as const),
  ...(['block', 'insn', 'icount', 'vcpu'] as const),
];

async function notMadeUp(): Promise<never> {
  throw new Error('not made up');
}

/** Bytes of an access in a space, in parts: address and size. */
export function partsOf(one: SeenAccess, space: 'virtual' | 'physical'): [bigint, bigint][] {
  const size = BigInt(one.size);
  if (space === 'virtual') return one.phys ? [] : [[one.vaddr, size]];
  if (one.secondPaddr === undefined) return one.paddr >= 2n ** 52n ? [] : [[one.paddr, size]];
  const inFirst = PAGE - (one.vaddr % PAGE);
  const parts: [bigint, bigint][] = [
    [one.paddr, inFirst],
    [one.secondPaddr, size - inFirst],
  ];
  return parts.filter(([address]) => address < 2n ** 52n);
}

export function touches(one: SeenAccess, { space, low, high }: AddressRange): boolean {
  return partsOf(one, space).some(([address, size]) => address < high && address + size > low);
}

function pagesOf(one: SeenAccess, space: 'virtual' | 'physical'): bigint[] {
  return partsOf(one, space).flatMap(([address, size]) => {
    const last = BigInt.asUintN(64, address + size - 1n);
    return [address / PAGE, last / PAGE];
  });
}

/** Tells of each page the very accesses. */
function indexOf(seen: readonly SeenAccess[]): ViewIndex {
  const ofAccess = {
    virtual: seen.map((one) => pagesOf(one, 'virtual')),
    physical: seen.map((one) => pagesOf(one, 'physical')),
  };
  const axisOf = (space: 'virtual' | 'physical'): PageAxis & { readonly all: bigint[] } => {
    const all = [...new Set(ofAccess[space].flat())].sort((a, b) => (a < b ? -1 : 1));
    return {
      all,
      count: all.length,
      addressOf: (rank) => {
        const address = requireDefined(all[rank], 'a rank') * PAGE;
        return { lo: Number(address & 0xffff_ffffn), hi: Number(address >> 32n) };
      },
      rankOf: (lo, hi) => {
        const page = ((BigInt(hi) << 32n) | BigInt(lo)) / PAGE;
        const rank = all.findIndex((one) => one >= page);
        return rank < 0 ? { rank: all.length, exact: false } : { rank, exact: all[rank] === page };
      },
    };
  };
  const pages = { virtual: axisOf('virtual'), physical: axisOf('physical') };
  return {
    vcpusOf: () => [],
    pages,
    indexBytes: 0,
    damaged: [],
    tile: notMadeUp,
    tracks: notMadeUp,
    async *touched(query: TouchQuery) {
      const { space, rank, rankEnd = rank + 1, stream, from, to, direction } = query;
      const wanted = new Set(pages[space].all.slice(rank, rankEnd));
      const found = seen.filter(
        (one, at) =>
          one.stream === stream &&
          one.ordinal >= from &&
          one.ordinal < to &&
          ofAccess[space][at]?.some((page) => wanted.has(page)) === true,
      );
      for (const { ordinal } of direction === 'forward' ? found : found.reverse()) {
        yield { from: ordinal, to: ordinal + 1 };
      }
    },
    close: async () => undefined,
  };
}
