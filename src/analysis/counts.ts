// SPDX-License-Identifier: Apache-2.0
// How many accesses of which kind: loads and stores by origin, size, privilege, vCPU and device; and how often
// each instruction ran. Order does not matter.

import {
  type AccessColumns,
  FLAG_DEVICE,
  FLAG_ORIGIN,
  FLAG_PHYSICAL_ONLY,
  FLAG_STORE,
  type RunColumns,
  requireColumn,
} from './access-columns.ts';
import type { FreeAnalysis, TraceShape } from './analysis.ts';

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

export function initCounts(_parameters: CountsParameters, trace: TraceShape): CountsState {
  const { insnBase, blockCount } = trace;
  return {
    cells: new Map(),
    insnBase,
    left: new Float64Array((insnBase[blockCount] ?? 0) + blockCount),
    runsOf: new Map(),
  };
}

export function consumeCounts(state: CountsState, batch: AccessColumns): void {
  const flags = requireColumn(batch.flags, 'flags');
  const size = requireColumn(batch.size, 'size');
  const cpl = requireColumn(batch.cpl, 'cpl');
  const vcpu = requireColumn(batch.vcpu, 'vcpu');
  for (let begin = 0; begin < batch.length; ) {
    const one = vcpu[begin];
    const end = endOfTurn(vcpu, begin, batch.length);
    let cells = state.cells.get(one);
    if (cells === undefined) {
      cells = new Float64Array(CELL_COUNT);
      state.cells.set(one, cells);
    }
    countCells(cells, flags, size, cpl, begin, end);
    begin = end;
  }
  if (batch.runs !== undefined) consumeRuns(state, batch.runs);
}

/** vCPUs take turns, of thousands of accesses. */
function endOfTurn(vcpu: Uint16Array, begin: number, length: number): number {
  const one = vcpu[begin];
  let end = begin + 1;
  while (end < length && vcpu[end] === one) end++;
  return end;
}

function countCells(
  cells: Float64Array,
  flags: Uint8Array,
  size: Uint8Array,
  cpl: Uint8Array,
  begin: number,
  end: number,
): void {
  for (let i = begin; i < end; i++) {
    // 255, an unknown CPL, becomes 7.
    const cell =
      flags[i] | ((31 - Math.clz32(size[i])) << SIZE_SHIFT) | ((cpl[i] & 7) << CPL_SHIFT);
    cells[cell]++;
  }
}

function consumeRuns(state: CountsState, runs: RunColumns): void {
  const { insnBase, left, runsOf } = state;
  const { block, executed, vcpu, continues } = runs;
  for (let i = 0; i < runs.length; i++) {
    const id = block[i];
    left[insnBase[id] + id + executed[i]]++;
    // What goes on from the execution before has been counted there: the first instruction, and no other.
    if (continues[i] !== 0) {
      left[insnBase[id] + id + 1]--;
      left[insnBase[id] + id]++;
    }
  }
  for (let begin = 0; begin < runs.length; ) {
    const one = vcpu[begin];
    const end = endOfTurn(vcpu, begin, runs.length);
    runsOf.set(one, (runsOf.get(one) ?? 0) + end - begin);
    begin = end;
  }
}

export function mergeCounts(a: CountsState, b: CountsState): CountsState {
  for (const [vcpu, cells] of b.cells) {
    const mine = a.cells.get(vcpu);
    if (mine === undefined) a.cells.set(vcpu, cells);
    else for (let i = 0; i < CELL_COUNT; i++) mine[i] += cells[i];
  }
  for (let i = 0; i < a.left.length; i++) a.left[i] += b.left[i];
  for (const [vcpu, count] of b.runsOf) a.runsOf.set(vcpu, (a.runsOf.get(vcpu) ?? 0) + count);
  return a;
}

export function finishCounts(state: CountsState): CountsResult {
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
    device: sum((row) => (row.flags & FLAG_DEVICE) !== 0),
    physical: sum((row) => (row.flags & FLAG_PHYSICAL_ONLY) !== 0),
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
      isStore: (flags & FLAG_STORE) !== 0,
      origin: flags & FLAG_ORIGIN,
      sizeBytes: 2 ** ((cell >> SIZE_SHIFT) & 7),
      cpl: Math.min(CPL_UNKNOWN, (cell >> CPL_SHIFT) & 7),
      count,
    });
  });
  return rows;
}

/** An instruction completed in each execution that was left behind it. */
function executionsOf({ insnBase, left }: CountsState): Float64Array {
  const executions = new Float64Array(insnBase[insnBase.length - 1] ?? 0);
  for (let block = 0; block < insnBase.length - 1; block++) {
    let behind = 0;
    for (let insn = insnBase[block + 1] - insnBase[block] - 1; insn >= 0; insn--) {
      behind += left[insnBase[block] + block + insn + 1];
      executions[insnBase[block] + insn] = behind;
    }
  }
  return executions;
}
