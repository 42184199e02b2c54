// SPDX-License-Identifier: Apache-2.0
// Which rows of a batch are within bounds: one pass for each bounded column, over the rows that are left.

import { halves } from '../base/index.ts';
import type { AccessBatch, ColumnName } from '../format/index.ts';
import type { AccessBounds, BoundedColumn } from './access-bounds.ts';

/** Bounds whose ends are halves, as a thread is sent them. */
export interface PlainBounds {
  readonly column: BoundedColumn;
  readonly min: number;
  readonly minHi: number;
  readonly max: number;
  readonly maxHi: number;
}

const MASK32 = 0xffff_ffffn;

/** Empty bounds (min above max, or beyond 64 bits) must have been sorted out before. */
export function plainBounds(bounds: AccessBounds): readonly PlainBounds[] {
  return [...bounds].map(([column, { min, max }]) => ({
    column,
    min: Number(min & MASK32),
    minHi: Number(min >> 32n),
    max: Number(max & MASK32),
    maxHi: Number(max >> 32n),
  }));
}

export function neededFor(bounds: readonly PlainBounds[]): readonly ColumnName[] {
  return bounds.map(({ column }) => column);
}

/** Fills `rows` with the numbers of the rows within all bounds, and returns how many there are. */
export function selectRows(
  batch: AccessBatch,
  bounds: readonly PlainBounds[],
  rows: Uint32Array,
): number {
  const [first, ...others] = bounds;
  if (first === undefined) return takeAll(batch.length, rows);
  let count = choose(batch, first, rows);
  for (const one of others) count = narrow(batch, one, rows, count);
  return count;
}

function takeAll(count: number, rows: Uint32Array): number {
  for (let i = 0; i < count; i++) rows[i] = i;
  return count;
}

function choose(batch: AccessBatch, bounds: PlainBounds, rows: Uint32Array): number {
  const column = batch[bounds.column];
  return column instanceof BigUint64Array && bounds.minHi === bounds.maxHi
    ? chooseLow(halves(column), bounds, rows)
    : narrow(batch, bounds, rows, takeAll(batch.length, rows));
}

/**
 * Of addresses within 4 GiB, as those of a page are. Few have the lower half of one, so that it is looked at first:
 * half the time of what narrow64 does.
 */
function chooseLow(
  words: Uint32Array,
  { min, minHi, max }: PlainBounds,
  rows: Uint32Array,
): number {
  const span = (max - min) >>> 0;
  const count = words.length / 2;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    if ((words[2 * i] - min) >>> 0 <= span && words[2 * i + 1] === minHi) rows[kept++] = i;
  }
  return kept;
}

function narrow(batch: AccessBatch, bounds: PlainBounds, rows: Uint32Array, count: number): number {
  const column = batch[bounds.column];
  if (column === undefined) throw new Error(`internal: the batch lacks ${bounds.column}`);
  return column instanceof BigUint64Array
    ? narrow64(halves(column), bounds, rows, count)
    : narrowNumbers(column, bounds, rows, count);
}

function narrowNumbers(
  column: ArrayLike<number>,
  { min, minHi, max, maxHi }: PlainBounds,
  rows: Uint32Array,
  count: number,
): number {
  const lowest = minHi * 2 ** 32 + min;
  const highest = maxHi * 2 ** 32 + max;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i];
    const value = column[row];
    if (value >= lowest && value <= highest) rows[kept++] = row;
  }
  return kept;
}

function narrow64(
  words: Uint32Array,
  { min, minHi, max, maxHi }: PlainBounds,
  rows: Uint32Array,
  count: number,
): number {
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i];
    const hi = words[2 * row + 1];
    if (hi < minHi || hi > maxHi) continue;
    const lo = words[2 * row];
    if ((hi === minHi && lo < min) || (hi === maxHi && lo > max)) continue;
    rows[kept++] = row;
  }
  return kept;
}
