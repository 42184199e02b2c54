// SPDX-License-Identifier: Apache-2.0
// Levels from stretches: each coarser one is made of the one before while it is written.

import {
  BASE_SHIFT,
  FEW_BUCKETS,
  MANY_CELLS,
  MAX_TIME_SHIFT,
  TIME_FACTOR_SHIFT,
  UNIT_FACTOR_SHIFT,
} from './layout.ts';
import type { BucketCells, LevelWriter } from './level-writer.ts';

/** Log2 of the steps in time of the levels of a stream, ascending. */
export function timeShiftsOf(ordinalEnd: number): number[] {
  const shifts: number[] = [];
  for (let shift = BASE_SHIFT; shift <= MAX_TIME_SHIFT; shift += TIME_FACTOR_SHIFT) {
    if (shifts.length > 0 && ordinalEnd / 2 ** shift < FEW_BUCKETS) break;
    shifts.push(shift);
  }
  return shifts;
}

/**
 * By time shift, the unit shifts of its levels: coarser units where buckets have many cells, so that what a
 * tile has to look at stays bounded. `cellCounts`: of the levels of single pages.
 */
export function unitShiftsOf(
  timeShifts: readonly number[],
  cellCounts: readonly number[],
  ordinalEnd: number,
  pageCount: number,
): number[][] {
  return timeShifts.map((timeShift, at) => {
    const buckets = Math.ceil(ordinalEnd / 2 ** timeShift);
    const shifts = [0];
    // A unit of f pages has between 1 and f of their cells: that there may be as few as possible is assumed.
    let cells = cellCounts[at] / buckets;
    for (let shift = UNIT_FACTOR_SHIFT; cells > MANY_CELLS && pageCount >> shift > 1; ) {
      shifts.push(shift);
      shift += UNIT_FACTOR_SHIFT;
      cells /= 2 ** UNIT_FACTOR_SHIFT;
    }
    return shifts;
  });
}

export interface Pyramid {
  /** Cells of the stretch behind the last one. */
  addStretch(cells: BucketCells): void;
  finish(): void;
}

/** `levels`: by time shift, each by unit shift. */
export function createPyramid(
  levels: readonly (readonly LevelWriter[])[],
  pageCount: number,
): Pyramid {
  const steps = levels.map((writers, at) => ({
    writers,
    merge: at === 0 ? undefined : createBucketMerge(pageCount),
  }));
  const put = (at: number, cells: BucketCells): void => {
    const step = steps.at(at);
    if (step === undefined || at >= steps.length) return;
    addToUnits(step.writers, cells);
    const next = at + 1 < steps.length ? steps[at + 1].merge : undefined;
    if (next === undefined) return;
    next.add(cells);
    if (next.bucketCount() === 2 ** TIME_FACTOR_SHIFT) put(at + 1, next.take());
  };
  return {
    addStretch: (cells) => {
      put(0, cells);
    },
    finish() {
      // From the finest: what is left of it completes the last bucket of the next.
      for (const [at, { merge }] of steps.entries()) {
        if (merge !== undefined && merge.bucketCount() > 0) put(at, merge.take());
      }
      for (const writers of levels) for (const writer of writers) writer.finish();
    },
  };
}

function addToUnits(writers: readonly LevelWriter[], cells: BucketCells): void {
  let merged = cells;
  let shift = 0;
  for (const writer of writers) {
    merged = coarserUnits(merged, writer.shape.unitShift - shift);
    shift = writer.shape.unitShift;
    writer.add(merged);
  }
}

function coarserUnits(cells: BucketCells, by: number): BucketCells {
  if (by === 0) return cells;
  const unit = new Uint32Array(cells.length);
  const loads = new Uint32Array(cells.length);
  const stores = new Uint32Array(cells.length);
  let length = 0;
  for (let i = 0; i < cells.length; i++) {
    const own = cells.unit[i] >>> by;
    if (length === 0 || unit[length - 1] !== own) unit[length++] = own;
    loads[length - 1] += cells.loads[i];
    stores[length - 1] += cells.stores[i];
  }
  return { length, unit, loads, stores };
}

export interface BucketMerge {
  add(cells: BucketCells): void;
  /** Added since the last take. */
  bucketCount(): number;
  /** What was added, as one bucket; good until the next add. */
  take(): BucketCells;
}

export function createBucketMerge(pageCount: number): BucketMerge {
  const loads = new Uint32Array(pageCount);
  const stores = new Uint32Array(pageCount);
  const touched = new Uint32Array(pageCount);
  let length = 0;
  let buckets = 0;
  return {
    add(cells) {
      for (let i = 0; i < cells.length; i++) {
        const unit = cells.unit[i];
        if ((loads[unit] | stores[unit]) === 0) touched[length++] = unit;
        loads[unit] += cells.loads[i];
        stores[unit] += cells.stores[i];
      }
      buckets++;
    },
    bucketCount: () => buckets,
    take() {
      const unit = touched.slice(0, length).sort();
      const taken = {
        length,
        unit,
        loads: new Uint32Array(length),
        stores: new Uint32Array(length),
      };
      for (let i = 0; i < length; i++) {
        taken.loads[i] = loads[unit[i]];
        taken.stores[i] = stores[unit[i]];
        loads[unit[i]] = 0;
        stores[unit[i]] = 0;
      }
      length = 0;
      buckets = 0;
      return taken;
    },
  };
}

export interface CellCensus {
  /** Cells begin to end of a stretch: of each its page, and the number below `rowEnd` that `rows` has for that. */
  add(
    stretch: number,
    page: Uint32Array,
    rows: Uint32Array,
    begin: number,
    end: number,
    rowEnd: number,
  ): void;
  /** By level in time. */
  counts(): number[];
}

/** Counts the cells that the levels of single pages will have, without making them. */
export function createCellCensus(timeShifts: readonly number[]): CellCensus {
  /** The stretch in which each page was seen last; -1: none. */
  let lastStretch = new Float64Array();
  const counts = timeShifts.map(() => 0);
  return {
    add(stretch, page, rows, begin, end, rowEnd) {
      if (lastStretch.length < rowEnd) {
        const larger = new Float64Array(2 * rowEnd).fill(-1);
        larger.set(lastStretch);
        lastStretch = larger;
      }
      const bucketBegins = timeShifts.map((timeShift) => {
        const stretches = 2 ** (timeShift - BASE_SHIFT);
        return Math.floor(stretch / stretches) * stretches;
      });
      for (let i = begin; i < end; i++) {
        const row = rows[page[i]];
        const last = lastStretch[row];
        lastStretch[row] = stretch;
        // Buckets of coarser levels begin no later: the page is in theirs, too.
        for (let at = 0; at < counts.length && last < bucketBegins[at]; at++) counts[at]++;
      }
    },
    counts: () => counts,
  };
}
