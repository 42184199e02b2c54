// SPDX-License-Identifier: Apache-2.0
// A tile while it is filled. What was counted for more than a cell is spread evenly: the part of a count n up to
// the fraction f of what it was counted for is round(n * f), so that parts of a count add up to it, over cells and
// over tiles that touch.

import type { Tile, TileQuery } from './view-index.ts';

export interface TileGrid {
  readonly columns: number;
  readonly rows: number;
  readonly from: number;
  readonly to: number;
  readonly low: number;
  readonly high: number;
  readonly loads: Uint32Array | Float64Array;
  readonly stores: Uint32Array | Float64Array;
}

/** Counts of windows up to this fit 32 bits, page-crossing accesses counted twice. */
const SMALL_WINDOW = 2 ** 30;

export function createTileGrid(query: TileQuery): TileGrid {
  const { columns, rows, from, to, low, high } = query;
  const isSmall = to - from <= SMALL_WINDOW;
  const make = (): Uint32Array | Float64Array =>
    isSmall ? new Uint32Array(columns * rows) : new Float64Array(columns * rows);
  return { columns, rows, from, to, low, high, loads: make(), stores: make() };
}

export function finishTile(grid: TileGrid, timeStep: number, byteStep: number): Tile {
  const { columns, rows } = grid;
  let maximum = 0;
  for (let i = 0; i < columns * rows; i++) {
    const both = grid.loads[i] + grid.stores[i];
    if (both > maximum) maximum = both;
  }
  return {
    ...{ columns, rows, loads: saturated(grid.loads), stores: saturated(grid.stores) },
    ...{ maximum, timeStep, byteStep, refining: false },
  };
}

function saturated(counts: Uint32Array | Float64Array): Uint32Array {
  if (counts instanceof Uint32Array) return counts;
  return Uint32Array.from(counts, (count) => Math.min(count, 0xffff_ffff));
}

/** Stretch of one axis, half open, cut into cells of the same length. */
export interface Axis {
  readonly begin: number;
  readonly end: number;
  readonly cells: number;
}

export function timeAxis({ from, to, columns }: TileGrid): Axis {
  return { begin: from, end: to, cells: columns };
}

export function rankAxis({ low, high, rows }: TileGrid): Axis {
  return { begin: low, end: high, cells: rows };
}

/** Where a cell begins; where the axis ends. */
export function edgeOf({ begin, end, cells }: Axis, cell: number): number {
  return begin + (cell * (end - begin)) / cells;
}

/** Of a position within the axis. */
export function cellAt(axis: Axis, position: number): number {
  const { begin, end, cells } = axis;
  let cell = Math.min(cells - 1, Math.floor(((position - begin) * cells) / (end - begin)));
  while (cell > 0 && edgeOf(axis, cell) > position) cell--;
  while (cell + 1 < cells && edgeOf(axis, cell + 1) <= position) cell++;
  return cell;
}

/** Where a stretch [begin, end) lies on an axis. */
export interface Extension {
  /** Half open; empty: beside the axis. */
  readonly firstCell: number;
  readonly endCell: number;
  /** Fractions of the stretch at the edges of its cells: one more than cells; [0, 1] when it is all in one. */
  readonly fractions: Float64Array;
}

export function extend(axis: Axis, begin: number, end: number): Extension {
  const first = Math.max(begin, axis.begin);
  const last = Math.min(end, axis.end);
  if (first >= last) return { firstCell: 0, endCell: 0, fractions: new Float64Array(1) };
  const firstCell = cellAt(axis, first);
  let endCell = firstCell + 1;
  while (endCell < axis.cells && edgeOf(axis, endCell) < last) endCell++;
  const fractions = new Float64Array(endCell - firstCell + 1);
  for (let i = 0; i < fractions.length; i++) {
    const edge = Math.min(last, Math.max(first, edgeOf(axis, firstCell + i)));
    fractions[i] = (edge - begin) / (end - begin);
  }
  return { firstCell, endCell, fractions };
}

/** Adds what was counted for a stretch of time and one of ranks. */
export function spread(
  counts: Uint32Array | Float64Array,
  columnCount: number,
  count: number,
  time: Extension,
  ranks: Extension,
): void {
  let before = Math.round(count * time.fractions[0]);
  for (let column = time.firstCell; column < time.endCell; column++) {
    const upTo = Math.round(count * time.fractions[column - time.firstCell + 1]);
    const own = upTo - before;
    before = upTo;
    if (own === 0) continue;
    let below = Math.round(own * ranks.fractions[0]);
    for (let row = ranks.firstCell; row < ranks.endCell; row++) {
      const above = Math.round(own * ranks.fractions[row - ranks.firstCell + 1]);
      counts[row * columnCount + column] += above - below;
      below = above;
    }
  }
}

/** Steps begin to end - 1 of an axis; step i is [i * length, (i + 1) * length). */
export interface StepRange {
  readonly begin: number;
  readonly end: number;
}

/** For each step the cell that has all of it, or -1. The last step ends at the limit. */
export function wholeCells(
  axis: Axis,
  { begin, end }: StepRange,
  length: number,
  limit: number,
): Int32Array {
  const cellOf = new Int32Array(end - begin).fill(-1);
  let cell = 0;
  let cellBegin = edgeOf(axis, 0);
  let cellEnd = edgeOf(axis, 1);
  for (let at = 0; at < cellOf.length; at++) {
    const first = (begin + at) * length;
    while (cell + 1 < axis.cells && cellEnd <= first) {
      cell++;
      cellBegin = cellEnd;
      cellEnd = edgeOf(axis, cell + 1);
    }
    const last = Math.min(limit, first + length);
    if (cellBegin <= first && last <= cellEnd) cellOf[at] = cell;
  }
  return cellOf;
}
