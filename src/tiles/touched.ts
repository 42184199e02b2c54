// SPDX-License-Identifier: Apache-2.0
// Where pages were accessed: from the coarsest level down, so that what never touched it is skipped in strides.

import { partitionPoint } from '../base/index.ts';
import type { IndexFile, Level } from './index-file.node.ts';
import type { DamagedStretch, OrdinalRange, TouchQuery } from './view-index.ts';

/** Stretches of the finest step that have an access to one of the pages, cut to the window, in the direction asked for. */
export async function* findTouched(
  file: IndexFile,
  levels: readonly Level[],
  query: TouchQuery,
  ordinalEnd: number,
): AsyncGenerator<OrdinalRange, void, undefined> {
  const pageLevels = levels.filter(({ unitShift }) => unitShift === 0);
  const to = Math.min(query.to, ordinalEnd);
  if (pageLevels.length === 0 || query.from >= to) return;
  yield* descend(file, pageLevels, pageLevels.length - 1, { ...query, to });
}

/** What is damaged may have touched any page: it is among the stretches, at its place. */
export async function* withDamaged(
  counted: AsyncIterable<OrdinalRange>,
  damaged: readonly DamagedStretch[],
  { stream, from, to, direction }: TouchQuery,
): AsyncGenerator<OrdinalRange, void, undefined> {
  const isForward = direction === 'forward';
  const waiting = damaged
    .filter((one) => one.stream === stream && one.from < to && one.to > from)
    .map((one) => ({ from: Math.max(from, one.from), to: Math.min(to, one.to) }))
    .sort((a, b) => (isForward ? a.from - b.from : b.from - a.from));
  for await (const range of counted) {
    while (waiting[0] !== undefined && waiting[0].from < range.from === isForward) {
      yield waiting[0];
      waiting.shift();
    }
    yield range;
  }
  yield* waiting;
}

async function* descend(
  file: IndexFile,
  levels: readonly Level[],
  at: number,
  query: TouchQuery,
): AsyncGenerator<OrdinalRange, void, undefined> {
  const level = levels[at];
  const step = 2 ** level.timeShift;
  const isForward = query.direction === 'forward';
  const begin = Math.floor(query.from / step);
  const end = Math.ceil(query.to / step);
  const units = { begin: query.rank, end: query.rankEnd ?? query.rank + 1 };
  for await (const bucket of touchedBuckets(file, level, units, begin, end, isForward)) {
    const range = {
      from: Math.max(query.from, bucket * step),
      to: Math.min(query.to, (bucket + 1) * step),
    };
    if (at === 0) yield range;
    else yield* descend(file, levels, at - 1, { ...query, ...range });
  }
}

/** Buckets of begin to end - 1 in which one of the pages has a cell, in order. */
async function* touchedBuckets(
  file: IndexFile,
  level: Level,
  units: { readonly begin: number; readonly end: number },
  begin: number,
  end: number,
  isForward: boolean,
): AsyncGenerator<number, void, undefined> {
  const groups = await file.groups(level.directory, level.bucketEnd);
  const seen = groups.filter(
    ({ firstBucket, bucketCount }) => firstBucket < end && firstBucket + bucketCount > begin,
  );
  for (const { firstBucket, bucketCount } of isForward ? seen : seen.toReversed()) {
    const buckets = { begin: firstBucket, end: firstBucket + bucketCount };
    const own = new Set<number>();
    for await (const block of file.blocks(level, buckets, units)) {
      const places = block.cells.place;
      const first = Math.max(0, units.begin - block.firstUnit) * bucketCount;
      const behind = (units.end - block.firstUnit) * bucketCount;
      const at = partitionPoint(places.length, (one) => places[one] < first);
      for (let i = at; i < places.length && places[i] < behind; i++) {
        const bucket = firstBucket + (places[i] % bucketCount);
        if (bucket >= begin && bucket < end) own.add(bucket);
      }
    }
    yield* [...own].sort((one, other) => (isForward ? one - other : other - one));
  }
}
