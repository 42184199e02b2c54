// SPDX-License-Identifier: Apache-2.0
// Which instructions, lines and pages are accessed most. An access counts where its first byte is. Order does
// not matter. Memory grows with the code and with the lines that are touched, up to a limit beyond which lines
// become coarser; not with the length of the trace.

import { halves } from '../base/index.ts';
import { AccessFlag } from '../format/index.ts';
import { type AccessColumns, requireColumn } from './access-columns.ts';
import type { FreeAnalysis, TraceShape } from './analysis.ts';
import { createTopList } from './top-list.ts';
import {
  addressOfRow,
  coarsenUnits,
  createUnitTable,
  MAX_UNIT_SHIFT,
  type RowMap,
  rowOfPart,
  rowOfUnit,
  type UnitTable,
} from './unit-table.ts';

export interface HotParameters {
  /** Log2 of a line's bytes, at most that of a page's. */
  readonly lineShift: number;
  /** Log2 of a page's bytes. */
  readonly pageShift: number;
  /** Most lines that are told apart; 2^22 take 100 MB. */
  readonly lineLimit: number;
  /** Most lines and pages in the result. */
  readonly top: number;
}

export interface HotState {
  readonly parameters: HotParameters;
  readonly insnBase: Uint32Array;
  /** Loads and stores of instruction n at 2n and 2n + 1. */
  readonly byInsn: Float64Array;
  lines: UnitTable;
  /** Loads and stores of row r at 2r and 2r + 1. */
  byLine: Float64Array;
}

export interface UnitCount {
  /** Of the first byte, in halves. */
  readonly addressLo: number;
  readonly addressHi: number;
  readonly loads: number;
  readonly stores: number;
}

export interface HotUnits {
  /** More than asked for when there were too many: see lineLimit. */
  readonly unitBytes: number;
  readonly unitCount: number;
  /** Most accesses first. */
  readonly units: readonly UnitCount[];
}

export interface HotResult {
  readonly loads: number;
  readonly stores: number;
  readonly lines: HotUnits;
  readonly pages: HotUnits;
  /** Loads and stores of instruction n (TraceShape.insnBase) at 2n and 2n + 1. */
  readonly byInsn: Float64Array;
}

export const hotAnalysis: FreeAnalysis<HotParameters, HotState, HotResult> = {
  name: 'hot',
  order: 'any',
  columns: ['vaddr', 'flags', 'block', 'insn'],
  init: initHot,
  consume: consumeHot,
  merge: mergeHot,
  finish: finishHot,
};

function initHot(parameters: HotParameters, trace: TraceShape): HotState {
  const lines = createUnitTable(parameters.lineShift);
  return {
    parameters,
    insnBase: trace.insnBase,
    byInsn: new Float64Array(2 * (trace.insnBase[trace.blockCount] ?? 0)),
    lines,
    byLine: new Float64Array(2 * lines.unitLo.length),
  };
}

function consumeHot(state: HotState, batch: AccessColumns): void {
  const words = halves(requireColumn(batch.vaddr, 'vaddr'));
  const flags = requireColumn(batch.flags, 'flags');
  const block = requireColumn(batch.block, 'block');
  const insn = requireColumn(batch.insn, 'insn');
  const { insnBase, byInsn } = state;
  for (let i = 0; i < batch.length; i++) {
    byInsn[2 * (insnBase[block[i]] + insn[i]) + (flags[i] & AccessFlag.store)]++;
  }
  for (let begin = 0; begin < batch.length; ) {
    begin = countLines(state, words, flags, begin, batch.length);
    if (state.lines.rowCount > state.parameters.lineLimit) coarsen(state);
  }
}

/** Ends early when there are too many lines; gives how far it came. */
function countLines(
  state: HotState,
  words: Uint32Array,
  flags: Uint8Array,
  begin: number,
  end: number,
): number {
  const { lines } = state;
  const { shift } = lines;
  const limit = state.parameters.lineLimit;
  let { byLine } = state;
  for (let i = begin; i < end; i++) {
    if ((flags[i] & AccessFlag.physicalOnly) !== 0) continue;
    const hi = words[2 * i + 1];
    const row = rowOfUnit(
      lines,
      ((words[2 * i] >>> shift) | (hi << (32 - shift))) >>> 0,
      hi >>> shift,
    );
    if (2 * row >= byLine.length) {
      byLine = new Float64Array(2 * lines.unitLo.length);
      byLine.set(state.byLine);
      state.byLine = byLine;
    }
    byLine[2 * row + (flags[i] & AccessFlag.store)]++;
    if (row >= limit) return i + 1;
  }
  return end;
}

function coarsen(state: HotState): void {
  while (state.lines.rowCount > state.parameters.lineLimit && state.lines.shift < MAX_UNIT_SHIFT) {
    regroup(state, coarsenUnits(state.lines, state.lines.shift + 1));
  }
}

function regroup(state: HotState, { table, rows }: { table: UnitTable; rows: RowMap }): void {
  const { byLine } = state;
  state.lines = table;
  state.byLine = new Float64Array(2 * table.unitLo.length);
  rows.forEach((row, old) => {
    state.byLine[2 * row] += byLine[2 * old];
    state.byLine[2 * row + 1] += byLine[2 * old + 1];
  });
}

function mergeHot(a: HotState, b: HotState): HotState {
  for (let i = 0; i < a.byInsn.length; i++) a.byInsn[i] += b.byInsn[i];
  if (a.lines.shift < b.lines.shift) regroup(a, coarsenUnits(a.lines, b.lines.shift));
  for (let row = 0; row < b.lines.rowCount; row++) {
    const mine = rowOfPart(a.lines, b.lines, row);
    if (2 * mine >= a.byLine.length) {
      const byLine = new Float64Array(2 * a.lines.unitLo.length);
      byLine.set(a.byLine);
      a.byLine = byLine;
    }
    a.byLine[2 * mine] += b.byLine[2 * row];
    a.byLine[2 * mine + 1] += b.byLine[2 * row + 1];
    // At once: both together may be twice what memory is for.
    if (a.lines.rowCount > a.parameters.lineLimit) coarsen(a);
  }
  return a;
}

function finishHot(state: HotState): HotResult {
  const { lines, byLine, byInsn, parameters } = state;
  let loads = 0;
  let stores = 0;
  for (let i = 0; i < byInsn.length; i += 2) {
    loads += byInsn[i];
    stores += byInsn[i + 1];
  }
  const pages = { ...state, lines, byLine };
  regroup(pages, coarsenUnits(lines, Math.max(lines.shift, parameters.pageShift)));
  return {
    loads,
    stores,
    lines: topOf(lines, byLine, parameters.top),
    pages: topOf(pages.lines, pages.byLine, parameters.top),
    byInsn,
  };
}

function topOf(units: UnitTable, counts: Float64Array, top: number): HotUnits {
  const { unitLo, unitHi } = units;
  const accessesOf = (row: number): number => counts[2 * row] + counts[2 * row + 1];
  const most = createTopList<number>(
    top,
    accessesOf,
    (a, b) => unitHi[a] - unitHi[b] || unitLo[a] - unitLo[b],
  );
  for (let row = 0; row < units.rowCount; row++) {
    if (accessesOf(row) >= most.least()) most.offer(row);
  }
  return {
    unitBytes: 2 ** units.shift,
    unitCount: units.rowCount,
    units: most.take().map((row) => {
      const { lo, hi } = addressOfRow(units, row);
      return {
        addressLo: lo,
        addressHi: hi,
        loads: counts[2 * row],
        stores: counts[2 * row + 1],
      };
    }),
  };
}
