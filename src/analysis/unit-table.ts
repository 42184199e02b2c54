// SPDX-License-Identifier: Apache-2.0
// Units of the address space - lines, pages, larger powers of two - that were touched, each with a dense row
// number. A hash table in columns; plain data. When there are more units than the limit they become coarser,
// or are sampled: both so that the outcome depends on what was touched, not on the order.

/** The largest unit of loops that shift halves: 2 GiB. */
export const MAX_UNIT_SHIFT = 31;
/** The largest unit there is: all of the address space. */
export const WHOLE_SPACE_SHIFT = 64;

/** Rows of a front table that finds the units of most accesses at once; a power of two. */
const RECENT_COUNT = 2048;
const FIRST_CAPACITY_LOG2 = 12;

export interface UnitTable {
  /** Log2 of a unit's bytes, 1 to 64. */
  shift: number;
  rowCount: number;
  /** Unit number (address >> shift) of each row, in halves. */
  unitLo: Uint32Array;
  unitHi: Uint32Array;
  /** Row + 1 at the unit's hash, linear probing; twice as many as rows at least. */
  slots: Uint32Array;
  slotsLog2: number;
  /** The unit that was found last for each hash of few bits, and its row; -1: none. */
  readonly recentLo: Uint32Array;
  readonly recentHi: Uint32Array;
  readonly recentRow: Int32Array;
}

export function createUnitTable(shift: number): UnitTable {
  const capacity = 2 ** FIRST_CAPACITY_LOG2;
  return {
    shift,
    rowCount: 0,
    unitLo: new Uint32Array(capacity),
    unitHi: new Uint32Array(capacity),
    slots: new Uint32Array(2 * capacity),
    slotsLog2: FIRST_CAPACITY_LOG2 + 1,
    recentLo: new Uint32Array(RECENT_COUNT),
    recentHi: new Uint32Array(RECENT_COUNT),
    recentRow: new Int32Array(RECENT_COUNT).fill(-1),
  };
}

/**
 * Row of the unit, made when it is new. Halves count as 32 bits, with a sign or without: in loops with one (x | 0),
 * since a number from 2^31 on that a function is called with is an object on the heap.
 */
export function rowOfUnit(table: UnitTable, unitLo: number, unitHi: number): number {
  const recent = (unitLo ^ (unitLo >>> 11)) & (RECENT_COUNT - 1);
  const { recentLo, recentHi, recentRow } = table;
  const row = recentRow[recent];
  if (row >= 0 && isSame(recentLo[recent], unitLo) && isSame(recentHi[recent], unitHi)) return row;
  const found = probe(table, unitLo | 0, unitHi | 0);
  recentLo[recent] = unitLo;
  recentHi[recent] = unitHi;
  recentRow[recent] = found;
  return found;
}

/** The same 32 bits. */
function isSame(a: number, b: number): boolean {
  return (a ^ b) === 0;
}

function probe(table: UnitTable, unitLo: number, unitHi: number): number {
  let at = slotOf(table, unitLo, unitHi);
  const mask = table.slots.length - 1;
  for (let row = table.slots[at]; row !== 0; row = table.slots[at]) {
    if (isSame(table.unitLo[row - 1], unitLo) && isSame(table.unitHi[row - 1], unitHi)) {
      return row - 1;
    }
    at = (at + 1) & mask;
  }
  if (table.rowCount === table.unitLo.length) {
    grow(table);
    return probe(table, unitLo, unitHi);
  }
  const row = table.rowCount++;
  table.unitLo[row] = unitLo;
  table.unitHi[row] = unitHi;
  table.slots[at] = row + 1;
  return row;
}

/** Any 32 bits of a unit, well mixed. */
export function hashUnit(unitLo: number, unitHi: number): number {
  let mixed = Math.imul(unitLo ^ Math.imul(unitHi, 0x85eb_ca6b), 0x9e37_79b1);
  mixed ^= mixed >>> 15;
  return Math.imul(mixed, 0x85eb_ca6b) >>> 0;
}

function slotOf(table: UnitTable, unitLo: number, unitHi: number): number {
  return hashUnit(unitLo, unitHi) >>> (32 - table.slotsLog2);
}

function grow(table: UnitTable): void {
  const { unitLo, unitHi } = table;
  table.unitLo = new Uint32Array(2 * unitLo.length);
  table.unitHi = new Uint32Array(2 * unitHi.length);
  table.unitLo.set(unitLo);
  table.unitHi.set(unitHi);
  table.slotsLog2++;
  table.slots = new Uint32Array(2 ** table.slotsLog2);
  const mask = table.slots.length - 1;
  for (let row = 0; row < table.rowCount; row++) {
    let at = slotOf(table, table.unitLo[row], table.unitHi[row]);
    while (table.slots[at] !== 0) at = (at + 1) & mask;
    table.slots[at] = row + 1;
  }
}

/** Row of the unit that a unit of another table is or is part of; the other's are no larger. */
export function rowOfPart(table: UnitTable, other: UnitTable, row: number): number {
  const by = table.shift - other.shift;
  const lo = other.unitLo[row];
  const hi = other.unitHi[row];
  if (by === 0) return rowOfUnit(table, lo, hi);
  if (by >= 32) return rowOfUnit(table, highBits(hi, by - 32), 0);
  return rowOfUnit(table, ((lo >>> by) | (hi << (32 - by))) >>> 0, hi >>> by);
}

/** The 32 bits without the lowest 0 to 32 of them. */
export function highBits(bits: number, without: number): number {
  return without === 32 ? 0 : bits >>> without;
}

/** Row that each row of the old table has in the new one; -1: none. */
export type RowMap = Int32Array;

/** Units of 2^shift bytes instead, a larger one. Rows that become one share their new row. */
export function coarsenUnits(table: UnitTable, shift: number): { table: UnitTable; rows: RowMap } {
  const coarse = createUnitTable(shift);
  const rows = new Int32Array(table.rowCount);
  for (let row = 0; row < table.rowCount; row++) rows[row] = rowOfPart(coarse, table, row);
  return { table: coarse, rows };
}

/** Only the rows that are kept, in their order. */
export function filterUnits(
  table: UnitTable,
  isKept: (row: number) => boolean,
): { table: UnitTable; rows: RowMap } {
  const kept = createUnitTable(table.shift);
  const rows = new Int32Array(table.rowCount);
  for (let row = 0; row < table.rowCount; row++) {
    rows[row] = isKept(row) ? rowOfUnit(kept, table.unitLo[row], table.unitHi[row]) : -1;
  }
  return { table: kept, rows };
}

/** Rows in ascending order of address. */
export function rowsByAddress({ rowCount, unitLo, unitHi }: UnitTable): Uint32Array {
  return Uint32Array.from({ length: rowCount }, (_, row) => row).sort(
    (a, b) => unitHi[a] - unitHi[b] || unitLo[a] - unitLo[b],
  );
}

/** Address of the unit's first byte, in halves. */
export function addressOfRow(table: UnitTable, row: number): { lo: number; hi: number } {
  const { shift } = table;
  const lo = table.unitLo[row];
  if (shift >= 32)
    return { lo: 0, hi: shift === WHOLE_SPACE_SHIFT ? 0 : (lo << (shift - 32)) >>> 0 };
  return {
    lo: (lo << shift) >>> 0,
    hi: ((table.unitHi[row] << shift) | (lo >>> (32 - shift))) >>> 0,
  };
}
