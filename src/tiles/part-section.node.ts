// SPDX-License-Identifier: Apache-2.0
// What was counted of a chunk, as bytes of the unfinished index and back.

import type { ChunkCounts } from './count-chunk.ts';
import type { PageCounts } from './count-pages.ts';
import type { TrackRows } from './count-tracks.ts';
import { type PackedBytes, packArrays, unpackArrays } from './packed.node.ts';

const PAGE_ARRAYS = 6;
const TRACK_ARRAYS = 11;
const ARRAY_COUNT = 1 + 2 * PAGE_ARRAYS + TRACK_ARRAYS;
/** Compression is worth little here: the file is read once and removed. */
const DEFLATE_LEVEL = 1;

export function packCounts({ virtual, physical, tracks }: ChunkCounts): PackedBytes {
  const spaces = Number(virtual !== undefined) + 2 * Number(physical !== undefined);
  return packArrays(
    [
      Uint32Array.of(spaces),
      ...pageArrays(virtual),
      ...pageArrays(physical),
      ...trackArrays(tracks),
    ],
    DEFLATE_LEVEL,
  );
}

/** Undefined: it contradicts itself. */
export function unpackCounts(stored: Uint8Array, rawBytes: number): ChunkCounts | undefined {
  const arrays = unpackArrays(stored, rawBytes, ARRAY_COUNT);
  if (arrays?.[0].length !== 1) return undefined;
  const spaces = arrays[0][0];
  const virtual = pageCounts(arrays.slice(1, 1 + PAGE_ARRAYS));
  const physical = pageCounts(arrays.slice(1 + PAGE_ARRAYS, 1 + 2 * PAGE_ARRAYS));
  const tracks = trackRows(arrays.slice(1 + 2 * PAGE_ARRAYS));
  if (virtual === undefined || physical === undefined || tracks === undefined) return undefined;
  return {
    virtual: (spaces & 1) === 0 ? undefined : virtual,
    physical: (spaces & 2) === 0 ? undefined : physical,
    tracks,
  };
}

function pageArrays(counts: PageCounts | undefined): Uint32Array[] {
  if (counts === undefined) return Array.from({ length: PAGE_ARRAYS }, () => new Uint32Array());
  const { pageLo, pageHi, cellCount, page, loads, stores } = counts;
  return [pageLo, pageHi, cellCount, page, loads, stores];
}

function pageCounts(arrays: readonly Uint32Array[]): PageCounts | undefined {
  const [pageLo, pageHi, cellCount, page, loads, stores] = arrays;
  const cells = cellCount.reduce((sum, count) => sum + count, 0);
  const isWhole =
    pageHi.length === pageLo.length &&
    [page, loads, stores].every(({ length }) => length === cells) &&
    page.every((one) => one < pageLo.length);
  return isWhole ? { pageLo, pageHi, cellCount, page, loads, stores } : undefined;
}

function trackArrays(rows: TrackRows): Uint32Array[] {
  return [
    ...[rows.stretch, rows.vcpu, rows.cr3Lo, rows.cr3Hi, rows.icountLo, rows.icountHi],
    ...[rows.loads, rows.stores, rows.user, rows.interrupts, rows.exceptions],
  ];
}

function trackRows(arrays: readonly Uint32Array[]): TrackRows | undefined {
  const [stretch, vcpu, cr3Lo, cr3Hi, icountLo, icountHi] = arrays;
  const [loads, stores, user, interrupts, exceptions] = arrays.slice(6);
  if (arrays.some(({ length }) => length !== stretch.length)) return undefined;
  return {
    ...{ stretch, vcpu, cr3Lo, cr3Hi, icountLo, icountHi },
    ...{ loads, stores, user, interrupts, exceptions },
  };
}
