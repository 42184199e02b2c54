// SPDX-License-Identifier: Apache-2.0
// Where in a stream a range of addresses may be touched: what the index knows of its pages, else what chunks say of
// themselves. All else need not be decoded.

import { u64FromBigint } from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import type { OrdinalRange, PageAxis, ViewIndex } from '../tiles/index.ts';
import type { AddressRange, TraceWindow } from './parameters.ts';
import { PAGE_BYTES } from './protocol.ts';

export type Direction = 'forward' | 'backward';

/** With more pages than that, nearly everything is touched, and asking costs more than it saves. */
const MOST_PAGES = 4096;

/** Stretches of the window, in the direction asked for; they do not overlap. `index`: undefined without one. */
export async function* stretchesOf(
  trace: Trace,
  index: ViewIndex | undefined,
  window: TraceWindow,
  direction: Direction,
): AsyncGenerator<OrdinalRange, void, undefined> {
  const { stream, addresses } = window;
  const axis = addresses === undefined ? null : index?.pages[addresses.space];
  const ranks =
    axis === null || axis === undefined || addresses === undefined
      ? undefined
      : ranksOf(axis, addresses);
  if (ranks === undefined || index === undefined || addresses === undefined) {
    yield* chunkStretches(trace, window, direction);
    return;
  }
  const { space } = addresses;
  const { from, to } = window;
  if (ranks.rank < ranks.rankEnd) {
    yield* index.touched({ ...ranks, space, stream, from, to, direction });
  }
}

interface Ranks {
  readonly rank: number;
  readonly rankEnd: number;
}

/**
 * Ranks of pages that were accessed and hold a byte of the range; undefined for too many. An access that goes on in a
 * second page is counted in both.
 */
function ranksOf(axis: PageAxis, range: AddressRange): Ranks | undefined {
  const low = u64FromBigint(range.low - (range.low % BigInt(PAGE_BYTES)));
  const last = u64FromBigint(range.high - 1n);
  const first = axis.rankOf(low.lo, low.hi).rank;
  const behind = axis.rankOf(last.lo, last.hi);
  const end = behind.rank + (behind.exact ? 1 : 0);
  if (end - first > MOST_PAGES) return undefined;
  return { rank: first, rankEnd: end };
}

function* chunkStretches(
  { chunks }: Trace,
  { stream, from, to, addresses }: TraceWindow,
  direction: Direction,
): Generator<OrdinalRange, void, undefined> {
  const virtual = addresses?.space === 'virtual' ? addresses : undefined;
  for (const chunk of direction === 'forward' ? chunks : chunks.toReversed()) {
    const begin = Math.max(from, chunk.firstOrdinal);
    const end = Math.min(to, chunk.firstOrdinal + chunk.accessCount);
    if (chunk.stream !== stream || begin >= end) continue;
    if (virtual !== undefined && chunk.lowestVaddr >= virtual.high) continue;
    if (virtual !== undefined && chunk.highestVaddr < virtual.low) continue;
    yield { from: begin, to: end };
  }
}
