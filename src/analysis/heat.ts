// SPDX-License-Identifier: Apache-2.0
// Addresses x time: how often each unit of the address space is accessed in each window. Units are pages, lines
// or larger, so that there are no more rows than asked for. Order does not matter; memory is bounded.

import { halves } from '../base/index.ts';
import { AccessFlag } from '../format/index.ts';
import { type AccessColumns, requireColumn } from './access-columns.ts';
import type { FreeAnalysis } from './analysis.ts';
import { beginOfWindow, type TimeWindows, windowOf } from './time-windows.ts';
import {
  addressOfRow,
  coarsenUnits,
  createUnitTable,
  highBits,
  type RowMap,
  rowOfUnit,
  rowsByAddress,
  type UnitTable,
  WHOLE_SPACE_SHIFT,
} from './unit-table.ts';

export interface HeatParameters {
  /** Log2 of the smallest unit's bytes: a line's or a page's. */
  readonly unitShift: number;
  readonly windows: TimeWindows;
  /** Most rows of the result. */
  readonly rowLimit: number;
  /** Most bytes of the table of units and windows while counting, about. */
  readonly memoryBytes: number;
}

export interface HeatState {
  readonly parameters: HeatParameters;
  /** Most rows while counting. */
  readonly unitLimit: number;
  units: UnitTable;
  /** Loads and stores of row r in window w at 2 * (r * windowCount + w). */
  cells: Float64Array;
}

export interface HeatRow {
  /** Of the first byte, in halves. */
  readonly addressLo: number;
  readonly addressHi: number;
  /** By window. */
  readonly loads: readonly number[];
  readonly stores: readonly number[];
}

export interface HeatResult {
  readonly loads: number;
  readonly stores: number;
  /** Of each row: the smallest power of two, from the unit asked for on, that makes few enough rows. */
  readonly unitBytes: number;
  readonly windowInstructions: number;
  /** icount at which each window begins. */
  readonly begins: readonly number[];
  /** icount at which what is looked at ends: inside the last window, or with it. */
  readonly end: number;
  /** Ascending by address; units that nothing accessed are left out. */
  readonly rows: readonly HeatRow[];
}

export const heatAnalysis: FreeAnalysis<HeatParameters, HeatState, HeatResult> = {
  name: 'heat',
  order: 'any',
  columns: ['vaddr', 'flags', 'icount'],
  requires: ['icount'],
  init: initHeat,
  consume: consumeHeat,
  merge: mergeHeat,
  finish: finishHeat,
};

const CELL_BYTES = 16;

function initHeat(parameters: HeatParameters): HeatState {
  const units = createUnitTable(parameters.unitShift);
  const { windowCount } = parameters.windows;
  return {
    parameters,
    unitLimit: Math.max(
      parameters.rowLimit,
      Math.floor(parameters.memoryBytes / (CELL_BYTES * windowCount)),
    ),
    units,
    cells: new Float64Array(2 * windowCount * 64),
  };
}

function consumeHeat(state: HeatState, batch: AccessColumns): void {
  const vaddr = halves(requireColumn(batch.vaddr, 'vaddr'));
  const icount = halves(requireColumn(batch.icount, 'icount'));
  const flags = requireColumn(batch.flags, 'flags');
  for (let begin = 0; begin < batch.length; ) {
    begin = countCells(state, vaddr, icount, flags, begin, batch.length);
    if (state.units.rowCount > state.unitLimit) coarsen(state, state.unitLimit);
  }
}

/** Ends early when there are too many units; gives how far it came. */
function countCells(
  state: HeatState,
  vaddr: Uint32Array,
  icount: Uint32Array,
  flags: Uint8Array,
  begin: number,
  end: number,
): number {
  const { units, unitLimit } = state;
  const { shift } = units;
  const isBig = shift >= 32;
  const { windows } = state.parameters;
  const { windowCount } = windows;
  let { cells } = state;
  let window = -1;
  let windowBegin = 0;
  let windowEnd = 0;
  for (let i = begin; i < end; i++) {
    if ((flags[i] & AccessFlag.physicalOnly) !== 0) continue;
    const now = icount[2 * i + 1] * 2 ** 32 + icount[2 * i];
    if (now < windowBegin || now >= windowEnd || window < 0) {
      window = windowOf(windows, now);
      windowBegin = window === 0 ? 0 : beginOfWindow(windows, window);
      windowEnd = window === windowCount - 1 ? Infinity : beginOfWindow(windows, window + 1);
    }
    const hi = vaddr[2 * i + 1];
    const row = isBig
      ? rowOfUnit(units, highBits(hi, shift - 32), 0)
      : rowOfUnit(units, ((vaddr[2 * i] >>> shift) | (hi << (32 - shift))) >>> 0, hi >>> shift);
    const cell = 2 * (row * windowCount + window) + (flags[i] & AccessFlag.store);
    if (cell >= cells.length) {
      makeRoom(state);
      cells = state.cells;
    }
    cells[cell]++;
    if (row >= unitLimit) return i + 1;
  }
  return end;
}

function makeRoom(state: HeatState): void {
  const needed = 2 * state.units.rowCount * state.parameters.windows.windowCount;
  if (state.cells.length >= needed) return;
  const { cells } = state;
  state.cells = new Float64Array(Math.max(needed, 2 * cells.length));
  state.cells.set(cells);
}

function coarsen(state: HeatState, rowLimit: number): void {
  while (state.units.rowCount > rowLimit && state.units.shift < WHOLE_SPACE_SHIFT) {
    regroup(state, coarsenUnits(state.units, state.units.shift + 1));
  }
}

function regroup(state: HeatState, { table, rows }: { table: UnitTable; rows: RowMap }): void {
  const { cells } = state;
  const rowCells = 2 * state.parameters.windows.windowCount;
  state.units = table;
  state.cells = new Float64Array(rowCells * Math.max(64, table.rowCount));
  rows.forEach((row, old) => {
    for (let at = 0; at < rowCells; at++) {
      state.cells[row * rowCells + at] += cells[old * rowCells + at];
    }
  });
}

function mergeHeat(a: HeatState, b: HeatState): HeatState {
  const shift = Math.max(a.units.shift, b.units.shift);
  for (const one of [a, b]) {
    if (one.units.shift < shift) regroup(one, coarsenUnits(one.units, shift));
  }
  const rowCells = 2 * a.parameters.windows.windowCount;
  for (let row = 0; row < b.units.rowCount; row++) {
    const mine = rowOfUnit(a.units, b.units.unitLo[row], b.units.unitHi[row]);
    makeRoom(a);
    for (let at = 0; at < rowCells; at++) {
      a.cells[mine * rowCells + at] += b.cells[row * rowCells + at];
    }
  }
  coarsen(a, a.unitLimit);
  return a;
}

function finishHeat(state: HeatState): HeatResult {
  const shown = { ...state };
  coarsen(shown, state.parameters.rowLimit);
  const { units, cells } = shown;
  const { windows } = state.parameters;
  const { windowCount } = windows;
  const byWindow = (row: number, store: number): number[] =>
    Array.from({ length: windowCount }, (_, w) => cells[2 * (row * windowCount + w) + store]);
  const rows = Array.from(rowsByAddress(units), (row): HeatRow => {
    const { lo, hi } = addressOfRow(units, row);
    return { addressLo: lo, addressHi: hi, loads: byWindow(row, 0), stores: byWindow(row, 1) };
  });
  const total = (pick: (row: HeatRow) => readonly number[]): number =>
    rows.reduce((sum, row) => pick(row).reduce((part, count) => part + count, sum), 0);
  return {
    loads: total((row) => row.loads),
    stores: total((row) => row.stores),
    unitBytes: 2 ** units.shift,
    windowInstructions: windows.windowInstructions,
    begins: Array.from({ length: windowCount }, (_, window) => beginOfWindow(windows, window)),
    end: windows.endIcount,
    rows,
  };
}
