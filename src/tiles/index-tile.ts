// SPDX-License-Identifier: Apache-2.0
// Tiles from the index.

import type { StreamDescription } from './description.ts';
import { type IndexFile, type Level, type LoadedBlock, levelsOf } from './index-file.node.ts';
import { PAGE_BYTES } from './layout.ts';
import {
  type Axis,
  createTileGrid,
  type Extension,
  extend,
  finishTile,
  rankAxis,
  type StepRange,
  spread,
  type TileGrid,
  timeAxis,
  wholeCells,
} from './tile-grid.ts';
import type { Tile, TileQuery } from './view-index.ts';

/** Throws TraceError 'checksum', 'corrupt', 'io', and the reason of an aborted signal. */
export async function tileOfIndex(
  file: IndexFile,
  stream: StreamDescription,
  pageCount: number,
  query: TileQuery,
  signal?: AbortSignal,
): Promise<Tile> {
  const grid = createTileGrid(query);
  const level = chooseLevel(levelsOf(stream, query.space, pageCount), grid);
  if (level === undefined) return finishTile(grid, 1, 1);
  const adder = createBlockAdder(grid, level, stream.ordinalEnd, pageCount);
  const blocks = file.blocks(level, visibleBuckets(level, grid), visibleUnits(level, grid));
  for await (const block of blocks) {
    signal?.throwIfAborted();
    adder.add(block);
  }
  return finishTile(grid, 2 ** level.timeShift, PAGE_BYTES * 2 ** level.unitShift);
}

/** The level whose buckets and units are the largest that fit a cell of the tile; else the finest. */
function chooseLevel(levels: readonly Level[], grid: TileGrid): Level | undefined {
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
function visibleBuckets(level: Level, grid: TileGrid): StepRange {
  return visible(grid.from, grid.to, 2 ** level.timeShift, level.bucketEnd);
}

function visibleUnits(level: Level, grid: TileGrid): StepRange {
  return visible(grid.low, grid.high, 2 ** level.unitShift, level.unitEnd);
}

function visible(from: number, to: number, step: number, count: number): StepRange {
  const end = Math.max(0, Math.min(count, Math.ceil(to / step)));
  return { begin: Math.min(end, Math.max(0, Math.floor(from / step))), end };
}

interface BlockAdder {
  add(block: LoadedBlock): void;
}

/** `ordinalEnd`, `pageCount`: the last bucket and the last unit end there. */
function createBlockAdder(
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

function createPlaces(axis: Axis, range: StepRange, step: number, limit: number): Places {
  const { begin } = range;
  const endOf = (at: number): number => Math.min(limit, (begin + at + 1) * step);
  const cellOf = wholeCells(axis, range, step, limit);
  const known: Extension[] = [];
  return {
    cellOf,
    extension: (at) => (known[at] ??= extend(axis, (begin + at) * step, endOf(at))),
  };
}
