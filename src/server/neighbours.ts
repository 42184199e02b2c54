// SPDX-License-Identifier: Apache-2.0
// The access before and the one after, to the same bytes. The index says where to look; what is between was not touched.

import type { Trace } from '../format/index.ts';
import {
  type ChunkCache,
  type ChunkColumns,
  chunksOf,
  isDamage,
  type ViewIndex,
} from '../tiles/index.ts';
import { within } from './access-list.ts';
import { matchColumns, matcherFor } from './address-match.ts';
import type { AddressRange, TraceWindow } from './parameters.ts';
import { type Direction, stretchesOf } from './stretches.ts';

export interface NearestQuery {
  readonly stream: number;
  /** Half open, ordinals that are looked at. */
  readonly from: number;
  readonly to: number;
  readonly direction: Direction;
  /** Each holds the one before it, of one space. The last is what the index is asked for. */
  readonly ranges: readonly AddressRange[];
  /** Stop after so long. */
  readonly patienceMs: number;
  /** What is damaged is passed over, and the answer is not complete. Default: it is thrown. */
  readonly passesDamage?: boolean;
}

export interface Nearest {
  /** The nearest access to each range; null: none was found. */
  readonly ordinals: readonly (number | null)[];
  /** False: the time was over before all were found or everything was looked at, or something damaged was passed over. */
  readonly complete: boolean;
  /** Something damaged was passed over: what was found behind it may not be the nearest. */
  readonly isDamaged: boolean;
  /** How far it was looked: ordinal up to which (forward) or from which on (backward) all is known. */
  readonly searched: number;
}

/** Throws as the trace and the index do, and the signal's reason. */
export async function findNearest(
  trace: Trace,
  chunks: ChunkCache,
  index: ViewIndex | undefined,
  query: NearestQuery,
  signal: AbortSignal,
): Promise<Nearest> {
  const { stream, from, to, direction, ranges, patienceMs, passesDamage = false } = query;
  const isForward = direction === 'forward';
  const end = isForward ? to : from;
  const found: (number | null)[] = ranges.map(() => null);
  const [wanted] = ranges;
  const addresses = ranges.at(-1);
  if (wanted === undefined || addresses === undefined || from >= to) {
    return { ordinals: found, complete: true, isDamaged: false, searched: end };
  }
  const window: TraceWindow = { stream, from, to, addresses };
  const beganMs = performance.now();
  let searched = isForward ? from : to;
  let isDamaged = false;
  for await (const stretch of stretchesOf(trace, index, window, direction)) {
    const held = chunksOf(trace, stream, stretch);
    for (const { chunkIndex, firstOrdinal } of isForward ? held : held.reverse()) {
      if (performance.now() - beganMs > patienceMs) {
        return { ordinals: found, complete: false, isDamaged, searched };
      }
      let columns: ChunkColumns;
      try {
        columns = await matchColumns(chunks, chunkIndex, addresses.space, signal);
      } catch (error) {
        if (!passesDamage || !isDamage(error)) throw error;
        isDamaged = true;
        continue;
      }
      const { begin, end: behind } = within(columns, stretch);
      const step = isForward ? 1 : -1;
      const matchers = ranges.map((range) => matcherFor(columns, range));
      const isInAny = matchers[matchers.length - 1];
      const last = isForward ? behind : begin - 1;
      for (let i = isForward ? begin : behind - 1; i !== last; i += step) {
        if (!isInAny(i)) continue;
        for (const [at, matches] of matchers.entries()) {
          if (found[at] === null && matches(i)) found[at] = firstOrdinal + i;
        }
        if (found[0] !== null)
          return { ordinals: found, complete: !isDamaged, isDamaged, searched: end };
      }
      searched = firstOrdinal + (isForward ? behind : begin);
    }
  }
  return { ordinals: found, complete: !isDamaged, isDamaged, searched: end };
}
