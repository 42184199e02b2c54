// SPDX-License-Identifier: Apache-2.0
// How many accesses of which kind: loads and stores by origin, size, privilege, vCPU and device; and how often
// each instruction ran. Order does not matter.

import { AccessFlag } from '../format/index.ts';
import {
  type AccessColumns,
  type RunColumns,
  type RunPart,
  requireColumn,
} from './access-columns.ts';
import type { FreeAnalysis, TraceShape } from './analysis.ts';
import {
  countSeen,
  createShapeCounts,
  forgetShapes,
  isLearned,
  learnShape,
  type ShapeCounts,
  timesOf,
} from './shape-counts.ts';

/** There is nothing to choose. */
export type CountsParameters = Readonly<Record<string, never>>;

export interface CountsState {
  /** By vCPU, for those that made accesses: by flags, size and CPL, see CELLS. */
  readonly cells: Map<number, Float64Array>;
  readonly insnBase: Uint32Array;
  /**
   * How often block b was left after e instructions, at insnBase[b] + b + e: an execution that completed e
   * instructions is one addition, whatever e is.
   */
  readonly left: Float64Array;
  /** Block executions by vCPU. */
  readonly runsOf: Map<number, number>;
  readonly shapes: ShapeCounts;
}

export interface KindCount {
  readonly loads: number;
  readonly stores: number;
}

export interface CountsResult {
  readonly accesses: number;
  readonly loads: number;
  readonly stores: number;
  /** Who made them: docs/library.md, Origin. */
  readonly byOrigin: Readonly<Record<'instruction' | 'eventDelivery' | 'pageWalk', KindCount>>;
  /** Ascending by size; loads and stores of that many bytes. */
  readonly bySize: readonly (KindCount & { readonly sizeBytes: number })[];
  /** Ascending; null: the CPL is not known. */
  readonly byCpl: readonly (KindCount & { readonly cpl: number | null })[];
  readonly byVcpu: readonly (KindCount & {
    readonly vcpu: number;
    readonly blockExecutions: number;
  })[];
  /** To devices, in whole or in part. */
  readonly device: KindCount;
  /** With a physical address only. */
  readonly physical: KindCount;
  /** Loaded and stored, all sizes together. */
  readonly bytes: KindCount;
  readonly blockExecutions: number;
  /** Completed. */
  readonly instructions: number;
  /** How often each instruction completed, by its number: TraceShape.insnBase. */
  readonly executions: Float64Array;
}

// A cell: flags in bits 0 to 7, log2 of the size in 8 to 10, CPL (4: not known) in 11 to 13.
const SIZE_SHIFT = 8;
const CPL_SHIFT = 11;
const CELL_COUNT = 2 ** 14;
const CPL_UNKNOWN = 4;
/** Those that do not depend on which columns other analyses asked for. */
const COUNTED_FLAGS =
  AccessFlag.store | AccessFlag.device | AccessFlag.physicalOnly | AccessFlag.origin;

export const countsAnalysis: FreeAnalysis<CountsParameters, CountsState, CountsResult> = {
  name: 'counts',
  order: 'any',
  columns: ['flags', 'size', 'cpl', 'vcpu'],
  runs: true,
  init: initCounts,
  consume: consumeCounts,
  merge: mergeCounts,
  finish: finishCounts,
};

function initCounts(_parameters: CountsParameters, trace: TraceShape): CountsState {
  const { insnBase, blockCount } = trace;
  return {
    cells: new Map(),
    insnBase,
    left: new Float64Array((insnBase[blockCount] ?? 0) + blockCount),
    runsOf: new Map(),
    shapes: createShapeCounts(),
  };
}

function consumeCounts(state: CountsState, batch: AccessColumns): void {
  const { runs, chunkIndex = -1, stream = 0 } = batch;
  const { shapes } = state;
  for (const part of batch.runParts ?? []) countPart(state, part);
  if (shapes.chunkIndex !== chunkIndex || shapes.stream !== stream) {
    flushShapes(state);
    shapes.chunkIndex = chunkIndex;
    shapes.stream = stream;
  }
  if (runs === undefined || runs.length === 0) {
    countAccesses(state, batch, 0, batch.length);
    return;
  }
  countAccesses(state, batch, 0, runs.firstAccess[0]);
  for (let begin = 0; begin < runs.length; ) {
    const end = endOfTurn(runs.vcpu, begin, runs.length);
    const vcpu = runs.vcpu[begin];
    countRuns(state, batch, runs, vcpu, begin, end);
    state.runsOf.set(vcpu, (state.runsOf.get(vcpu) ?? 0) + end - begin);
    begin = end;
  }
}

function countPart({ left, insnBase }: CountsState, { block, begin, end, times }: RunPart): void {
  const leftAt = insnBase[block] + block;
  left[leftAt + end] += times;
  left[leftAt + begin] -= times;
}

/** vCPUs take turns, of thousands of accesses. */
function endOfTurn(vcpu: Uint16Array, begin: number, length: number): number {
  const one = vcpu[begin];
  let end = begin + 1;
  while (end < length && vcpu[end] === one) end++;
  return end;
}

/** Block executions begin to end, all of one vCPU, and the accesses up to the one behind them. */
function countRuns(
  state: CountsState,
  batch: AccessColumns,
  runs: RunColumns,
  vcpu: number,
  begin: number,
  end: number,
): void {
  const { shape, continues } = runs;
  let times = timesOf(state.shapes, vcpu, 0);
  for (let at = begin; at < end; at++) {
    at = countSeen(times, shape, continues, at, end);
    if (at === end) break;
    countRun(state, batch, runs, vcpu, at);
    times = timesOf(state.shapes, vcpu, 0);
  }
}

/** One that countSeen leaves. */
function countRun(
  state: CountsState,
  batch: AccessColumns,
  runs: RunColumns,
  vcpu: number,
  at: number,
): void {
  const { shapes, insnBase, left } = state;
  const from = runs.firstAccess[at];
  const to = at + 1 < runs.length ? runs.firstAccess[at + 1] : batch.length;
  const number = runs.shape[at];
  const leftAt = insnBase[runs.block[at]] + runs.block[at];
  if (number === 0) {
    countAccesses(state, batch, from, to);
    left[leftAt + runs.executed[at]]++;
  } else {
    if (!isLearned(shapes, number)) {
      const cellsAt = learnShape(shapes, number, leftAt + runs.executed[at], to - from);
      writeCells(batch, from, to, shapes.cells, cellsAt);
    }
    timesOf(shapes, vcpu, number)[number]++;
  }
  // What goes on from the execution before has been counted there: the first instruction, and no other.
  if (runs.continues[at] !== 0) {
    left[leftAt + 1]--;
    left[leftAt]++;
  }
}

/** The cells of accesses from, to. */
function writeCells(
  batch: AccessColumns,
  from: number,
  to: number,
  cells: Uint32Array,
  cellsAt: number,
): void {
  const flags = requireColumn(batch.flags, 'flags');
  const size = requireColumn(batch.size, 'size');
  const cpl = requireColumn(batch.cpl, 'cpl');
  for (let i = from; i < to; i++) cells[cellsAt + i - from] = cellOf(flags[i], size[i], cpl[i]);
}

/** Adds up what was counted by shape, and forgets the chunk's shapes. */
function flushShapes(state: CountsState): void {
  const { shapes, left } = state;
  for (const [vcpu, times] of shapes.times) {
    addTimes(shapes, times, cellsOf(state, vcpu), left);
  }
  forgetShapes(shapes);
}

/** By itself, as joinFlags() in selection.ts is. */
function addTimes(
  { rowCount, shape, leftAt, begin, cells }: ShapeCounts,
  times: Uint32Array,
  counted: Float64Array,
  left: Float64Array,
): void {
  for (let row = 0; row < rowCount; row++) {
    const count = times[shape[row]] ?? 0;
    if (count === 0) continue;
    left[leftAt[row]] += count;
    for (let at = begin[row]; at < begin[row + 1]; at++) counted[cells[at]] += count;
  }
}

function countAccesses(state: CountsState, batch: AccessColumns, from: number, to: number): void {
  const flags = requireColumn(batch.flags, 'flags');
  const size = requireColumn(batch.size, 'size');
  const cpl = requireColumn(batch.cpl, 'cpl');
  const vcpu = requireColumn(batch.vcpu, 'vcpu');
  for (let begin = from; begin < to; ) {
    const end = endOfTurn(vcpu, begin, to);
    const cells = cellsOf(state, vcpu[begin]);
    for (let at = begin; at < end; at++) cells[cellOf(flags[at], size[at], cpl[at])]++;
    begin = end;
  }
}

function cellsOf({ cells }: CountsState, vcpu: number): Float64Array {
  let held = cells.get(vcpu);
  if (held === undefined) {
    held = new Float64Array(CELL_COUNT);
    cells.set(vcpu, held);
  }
  return held;
}

/** 255, an unknown CPL, becomes 7. */
function cellOf(flags: number, size: number, cpl: number): number {
  return (
    (flags & COUNTED_FLAGS) | ((31 - Math.clz32(size)) << SIZE_SHIFT) | ((cpl & 7) << CPL_SHIFT)
  );
}

function mergeCounts(a: CountsState, b: CountsState): CountsState {
  for (const one of [a, b]) flushShapes(one);
  for (const [vcpu, cells] of b.cells) {
    const mine = a.cells.get(vcpu);
    if (mine === undefined) a.cells.set(vcpu, cells);
    else addTo(mine, cells);
  }
  addTo(a.left, b.left);
  for (const [vcpu, count] of b.runsOf) a.runsOf.set(vcpu, (a.runsOf.get(vcpu) ?? 0) + count);
  return a;
}

function addTo(sums: Float64Array, more: Float64Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] += more[i];
}

function finishCounts(state: CountsState): CountsResult {
  flushShapes(state);
  const rows = [...state.cells].flatMap(([vcpu, cells]) => rowsOf(vcpu, cells));
  const sum = (
    isWanted: (row: CellRow) => boolean,
    weigh = (row: CellRow) => row.count,
  ): KindCount => {
    const kind = { loads: 0, stores: 0 };
    for (const row of rows) {
      if (isWanted(row)) kind[row.isStore ? 'stores' : 'loads'] += weigh(row);
    }
    return kind;
  };
  const values = (pick: (row: CellRow) => number): number[] =>
    [...new Set(rows.map(pick))].sort((a, b) => a - b);
  const all = sum(() => true);
  const executions = executionsOf(state);
  const vcpus = [...new Set([...state.cells.keys(), ...state.runsOf.keys()])].sort((a, b) => a - b);
  return {
    accesses: all.loads + all.stores,
    ...all,
    byOrigin: {
      instruction: sum((row) => row.origin === 0),
      eventDelivery: sum((row) => row.origin === 64),
      pageWalk: sum((row) => row.origin === 128),
    },
    bySize: values((row) => row.sizeBytes).map((sizeBytes) => ({
      sizeBytes,
      ...sum((row) => row.sizeBytes === sizeBytes),
    })),
    byCpl: values((row) => row.cpl).map((cpl) => ({
      cpl: cpl >= CPL_UNKNOWN ? null : cpl,
      ...sum((row) => row.cpl === cpl),
    })),
    byVcpu: vcpus.map((vcpu) => ({
      vcpu,
      ...sum((row) => row.vcpu === vcpu),
      blockExecutions: state.runsOf.get(vcpu) ?? 0,
    })),
    device: sum((row) => (row.flags & AccessFlag.device) !== 0),
    physical: sum((row) => (row.flags & AccessFlag.physicalOnly) !== 0),
    bytes: sum(
      () => true,
      (row) => row.count * row.sizeBytes,
    ),
    blockExecutions: [...state.runsOf.values()].reduce((total, count) => total + count, 0),
    instructions: executions.reduce((total, count) => total + count, 0),
    executions,
  };
}

interface CellRow {
  readonly vcpu: number;
  readonly flags: number;
  readonly isStore: boolean;
  readonly origin: number;
  readonly sizeBytes: number;
  readonly cpl: number;
  readonly count: number;
}

function rowsOf(vcpu: number, cells: Float64Array): CellRow[] {
  const rows: CellRow[] = [];
  cells.forEach((count, cell) => {
    if (count === 0) return;
    const flags = cell & 255;
    rows.push({
      vcpu,
      flags,
      isStore: (flags & AccessFlag.store) !== 0,
      origin: flags & AccessFlag.origin,
      sizeBytes: 2 ** ((cell >> SIZE_SHIFT) & 7),
      cpl: Math.min(CPL_UNKNOWN, (cell >> CPL_SHIFT) & 7),
      count,
    });
  });
  return rows;
}

/** An instruction completed in each execution that was left behind it. Made in place: there is one for each instruction of the trace. */
function executionsOf({ insnBase, left }: CountsState): Float64Array {
  for (let block = 0; block < insnBase.length - 1; block++) {
    const at = insnBase[block];
    const from = at + block + 1;
    const count = insnBase[block + 1] - at;
    for (let insn = count - 2; insn >= 0; insn--) left[from + insn] += left[from + insn + 1];
    for (let insn = 0; insn < count; insn++) left[at + insn] = left[from + insn];
  }
  return left.subarray(0, insnBase[insnBase.length - 1] ?? 0);
}
