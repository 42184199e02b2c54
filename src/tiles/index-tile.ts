// SPDX-License-Identifier: Apache-2.0
// Tiles from the index.

import type { Level, LoadedBlock } from './index-file.node.ts';
import {
  type Axis,
  type Extension,
  edgeOf,
  extend,
  rankAxis,
  spread,
  type TileGrid,
  timeAxis,
} from './tile-grid.ts';

/** The level whose buckets and units are the largest that fit a cell of the tile; else the finest. */
export function chooseLevel(levels: readonly Level[], grid: TileGrid): Level | undefined {
  const width = (grid.to - grid.from) / grid.columns;
  const height = (grid.high - grid.low) / grid.rows;
  let best: Level | undefined;
  for (const level of levels) {
    const fits =
      (2 ** level.timeShift <= width || level.timeShift === levels[0].timeShift) &&
      (2 ** level.unitShift <= height || level.unitShift === 0);
    // They ascend in time, then in units.
    if (fits) best = level;
  }
  return best;
}

/** Of the level, those that overlap the tile. */
export function visibleBuckets(level: Level, grid: TileGrid): { begin: number; end: number } {
  return visible(grid.from, grid.to, 2 ** level.timeShift, level.bucketEnd);
}

export function visibleUnits(level: Level, grid: TileGrid): { begin: number; end: number } {
  return visible(grid.low, grid.high, 2 ** level.unitShift, level.unitEnd);
}

function visible(
  from: number,
  to: number,
  step: number,
  count: number,
): { begin: number; end: number } {
  const end = Math.max(0, Math.min(count, Math.ceil(to / step)));
  return { begin: Math.min(end, Math.max(0, Math.floor(from / step))), end };
}

export interface BlockAdder {
  add(block: LoadedBlock): void;
}

/** `ordinalEnd`, `pageCount`: the last bucket and the last unit end there. */
export function createBlockAdder(
  grid: TileGrid,
  level: Level,
  ordinalEnd: number,
  pageCount: number,
): BlockAdder {
  const buckets = visibleBuckets(level, grid);
  const units = visibleUnits(level, grid);
  const columns = createPlaces(timeAxis(grid), buckets, 2 ** level.timeShift, ordinalEnd);
  const rows = createPlaces(rankAxis(grid), units, 2 ** level.unitShift, pageCount);
  return {
    add({ firstBucket, bucketCount, firstUnit, cells }) {
      const { place, loads, stores } = cells;
      let unit = 0;
      let unitPlace = 0;
      for (let i = 0; i < place.length; i++) {
        while (place[i] - unitPlace >= bucketCount) {
          unitPlace += bucketCount;
          unit++;
        }
        const bucketAt = firstBucket + place[i] - unitPlace - buckets.begin;
        const unitAt = firstUnit + unit - units.begin;
        if (bucketAt < 0 || unitAt < 0 || bucketAt >= columns.cellOf.length) continue;
        if (unitAt >= rows.cellOf.length) break;
        const column = columns.cellOf[bucketAt];
        const row = rows.cellOf[unitAt];
        if (column >= 0 && row >= 0) {
          const at = row * grid.columns + column;
          grid.loads[at] += loads[i];
          grid.stores[at] += stores[i];
        } else {
          const time = columns.extension(bucketAt);
          const ranks = rows.extension(unitAt);
          spread(grid.loads, grid.columns, loads[i], time, ranks);
          spread(grid.stores, grid.columns, stores[i], time, ranks);
        }
      }
    },
  };
}

interface Places {
  /** The one cell that has all of the bucket or unit, or -1. */
  readonly cellOf: Int32Array;
  extension(at: number): Extension;
}

/** Of buckets or units begin to end - 1. */
function createPlaces(
  axis: Axis,
  { begin, end }: { readonly begin: number; readonly end: number },
  step: number,
  limit: number,
): Places {
  const endOf = (at: number): number => Math.min(limit, (begin + at + 1) * step);
  const cellOf = new Int32Array(end - begin).fill(-1);
  let cell = 0;
  for (let at = 0; at < cellOf.length; at++) {
    const first = (begin + at) * step;
    while (cell + 1 < axis.cells && edgeOf(axis, cell + 1) <= first) cell++;
    if (edgeOf(axis, cell) <= first && endOf(at) <= edgeOf(axis, cell + 1)) cellOf[at] = cell;
  }
  const known: Extension[] = [];
  return {
    cellOf,
    extension: (at) => (known[at] ??= extend(axis, (begin + at) * step, endOf(at))),
  };
}
