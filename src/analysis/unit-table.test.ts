// SPDX-License-Identifier: Apache-2.0
// The table of units against a map, with more units than it begins with room for.
import { expect, it } from 'vitest';
import { prngFromSeed } from '../base/index.ts';
import {
  addressOfRow,
  coarsenUnits,
  createUnitTable,
  filterUnits,
  rowOfUnit,
  rowsByAddress,
} from './unit-table.ts';

const SHIFT = 6;

/** Units near each other, far apart, and alike but for their high halves. */
function someUnits(): (readonly [lo: number, hi: number])[] {
  const prng = prngFromSeed(9);
  return Array.from({ length: 60_000 }, (_, i) => {
    if (i % 3 === 0) return [i >> 3, 0] as const;
    if (i % 3 === 1) return [prng.nextU32(), prng.nextInRange(0, 2 ** 26)] as const;
    return [1234, i >> 2] as const;
  });
}

const keyOf = (lo: number, hi: number): string => `${hi}:${lo}`;

it('gives each unit a row of its own, for ever, however many there are', () => {
  const table = createUnitTable(SHIFT);
  const rows = new Map<string, number>();
  const wrong: number[][] = [];
  for (const [lo, hi] of [...someUnits(), ...someUnits()]) {
    const wanted = rows.get(keyOf(lo, hi)) ?? rows.size;
    rows.set(keyOf(lo, hi), wanted);
    if (rowOfUnit(table, lo, hi) !== wanted) wrong.push([lo, hi, wanted]);
  }
  expect(wrong).toEqual([]);
  expect(table.rowCount).toBe(rows.size);
  expect(rows.size).toBeGreaterThan(20_000);
  for (const row of [0, 1, 5000, rows.size - 1]) {
    const { lo, hi } = addressOfRow(table, row);
    const address = (BigInt(hi) << 32n) | BigInt(lo);
    const unit = address >> BigInt(SHIFT);
    expect(rows.get(keyOf(Number(unit & 0xffff_ffffn), Number(unit >> 32n)))).toBe(row);
  }
});

it('in coarser units, and with some left out, keeps what belongs together', () => {
  const table = createUnitTable(SHIFT);
  for (const [lo, hi] of someUnits()) rowOfUnit(table, lo, hi);
  const address = (of: typeof table, row: number): bigint => {
    const { lo, hi } = addressOfRow(of, row);
    return (BigInt(hi) << 32n) | BigInt(lo);
  };
  const wrong: number[][] = [];
  const coarse = coarsenUnits(table, 14);
  const kept = filterUnits(table, (row) => row % 5 !== 0);
  for (let row = 0; row < table.rowCount; row++) {
    const own = address(table, row);
    const to = kept.rows[row] ?? -1;
    const found = to < 0 ? undefined : address(kept.table, to);
    const isCoarse = address(coarse.table, coarse.rows[row] ?? -1) === (own >> 14n) << 14n;
    if (!isCoarse || found !== (row % 5 === 0 ? undefined : own)) wrong.push([row, to]);
  }
  expect(wrong).toEqual([]);
  expect(kept.table.rowCount).toBe(kept.rows.filter((row) => row >= 0).length);
  const order = [...rowsByAddress(coarse.table)].map((row) => address(coarse.table, row));
  expect(order).toEqual(order.toSorted((a, b) => (a < b ? -1 : 1)));
  expect(new Set(order).size).toBe(order.length);
});
