// SPDX-License-Identifier: Apache-2.0
// By how much the address moves from one execution of an instruction to its next on the same vCPU, loads and stores apart.
// An instruction is its code at its address: QEMU cuts a loop into several blocks that overlap, and may run any of them.
// A few strides of each instruction are counted (Space-Saving, Metwally et al., ICDT 2005), and it is known how often each was
// at least; one that makes up nearly all steps cannot be missed.

import { formatCount, halves, TraceError } from '../../base/index.ts';
import { AccessFlag, Origin } from '../../format/index.ts';
import { type AccessColumns, requireColumn } from '../access-columns.ts';
import type { Shard, ShardedAnalysis, TraceShape } from '../analysis.ts';
import { createInstructionTable, type InstructionTable } from '../instruction-table.ts';

export interface StridesState {
  /** Of the instructions that made accesses; it is of its thread. */
  readonly table: InstructionTable;
  readonly counts: StridesCounts;
}

export interface StridesCounts {
  readonly shardCount: number;
  readonly insnBase: Uint32Array;
  readonly vcpuCount: number;
  /** Number + 1 of the instruction at each place of the code table (TraceShape.insnBase); 0: no access yet. */
  readonly instructions: Uint32Array;
  instructionCount: number;
  /** Row + 1 of loads and stores of instruction n on vCPU v at (n * vcpuCount + v) * 2, + 1; 0: none. */
  rows: Uint32Array;
  rowCount: number;
  last: Uint32Array;
  accesses: Float64Array;
  /** STRIDE_COUNT of each row; count 0: free. */
  stride: Float64Array;
  count: Float64Array;
  /** The count may be too high by this. */
  excess: Float64Array;
  unaddressed: number;
}

export interface StrideCount {
  /** Bytes, signed. */
  readonly stride: number;
  /** So many times, or a few more: exact when the instruction had no more than four different strides. */
  readonly atLeast: number;
}

/** Loads or stores of an instruction. Its place is the first in the code table that made accesses. */
export interface StrideSite {
  readonly block: number;
  readonly insn: number;
  readonly store: boolean;
  readonly accesses: number;
  /** Accesses that have one before them, on the same vCPU. */
  readonly steps: number;
  /** Most often first. */
  readonly strides: readonly StrideCount[];
}

export interface StridesResult {
  readonly accesses: number;
  /** Left out: page walks. */
  readonly noAddress: number;
  /** In the order of the code table. */
  readonly sites: readonly StrideSite[];
}

/** Counters of each row. */
const STRIDE_COUNT = 4;
const MOST_SHARDS = 8;
const FIRST_ROWS = 4096;
const FIRST_INSTRUCTIONS = 1024;
/** Loads and stores of instructions that are told apart, on each vCPU: they take about 600 bytes, figures included. */
const ROW_LIMIT = 2 ** 20;

type NoParameters = Readonly<Record<string, never>>;

export const stridesAnalysis: ShardedAnalysis<
  NoParameters,
  StridesState,
  StridesResult,
  StridesCounts
> = {
  name: 'strides',
  order: 'per-shard',
  columns: ['vaddr', 'pc', 'flags', 'block', 'insn', 'vcpu'],
  requires: ['vaddr'],
  init: initStrides,
  consume: consumeStrides,
  harvest: ({ counts }) => counts,
  merge: mergeStrides,
  finish: finishStrides,
  shardLimit: () => MOST_SHARDS,
  shardMasks: markStrideShards,
};

function initStrides(
  _parameters: NoParameters,
  {
    insnBase,
    vcpuCount,
    blockCount,
    code,
  }: Pick<TraceShape, 'insnBase' | 'vcpuCount' | 'blockCount' | 'code'>,
  { count: shardCount }: Pick<Shard, 'count'>,
): StridesState {
  return {
    table: createInstructionTable(code),
    counts: {
      ...{ shardCount, insnBase, vcpuCount, rowCount: 0, unaddressed: 0, instructionCount: 0 },
      instructions: new Uint32Array(insnBase[blockCount]),
      rows: new Uint32Array(2 * vcpuCount * FIRST_INSTRUCTIONS),
      last: new Uint32Array(2 * FIRST_ROWS),
      accesses: new Float64Array(FIRST_ROWS),
      stride: new Float64Array(STRIDE_COUNT * FIRST_ROWS),
      count: new Float64Array(STRIDE_COUNT * FIRST_ROWS),
      excess: new Float64Array(STRIDE_COUNT * FIRST_ROWS),
    },
  };
}

/** All executions of an instruction are of one shard, in whichever block it is. The pc of a delivery is where it came. */
function markStrideShards(
  _parameters: NoParameters,
  batch: AccessColumns,
  shardCount: number,
  masks: Uint8Array,
): void {
  const pc = halves(requireColumn(batch.pc, 'pc'));
  const flags = requireColumn(batch.flags, 'flags');
  for (let i = 0; i < batch.length; i++) {
    const isDelivery = (flags[i] & AccessFlag.origin) === Origin.eventDelivery;
    masks[i] = isDelivery ? 1 : 1 << (pc[2 * i] & (shardCount - 1));
  }
}

/** Throws TraceError 'limit' when there are more instructions than memory takes. */
function consumeStrides({ table, counts: state }: StridesState, batch: AccessColumns): void {
  const vaddr = halves(requireColumn(batch.vaddr, 'vaddr'));
  const flags = requireColumn(batch.flags, 'flags');
  const block = requireColumn(batch.block, 'block');
  const insn = requireColumn(batch.insn, 'insn');
  const vcpu = requireColumn(batch.vcpu, 'vcpu');
  const { insnBase, vcpuCount, instructions } = state;
  for (let i = 0; i < batch.length; i++) {
    if ((flags[i] & AccessFlag.physicalOnly) !== 0) {
      state.unaddressed++;
      continue;
    }
    let instruction = instructions[insnBase[block[i]] + insn[i]] - 1;
    if (instruction < 0) instruction = numberInstruction(table, state, block[i], insn[i]);
    const place = 2 * (instruction * vcpuCount + vcpu[i]) + (flags[i] & AccessFlag.store);
    const lo = vaddr[2 * i];
    const hi = vaddr[2 * i + 1];
    let row = state.rows[place] - 1;
    if (row < 0) {
      row = addRow(state);
      state.rows[place] = row + 1;
    } else {
      // Exact below 2^53; only canonical addresses far from each other are further apart.
      const { last } = state;
      const stride = ((hi - last[2 * row + 1]) | 0) * 2 ** 32 + (lo - last[2 * row]);
      if (state.stride[STRIDE_COUNT * row] === stride) state.count[STRIDE_COUNT * row]++;
      else countStride(state, STRIDE_COUNT * row, stride);
    }
    state.last[2 * row] = lo;
    state.last[2 * row + 1] = hi;
    state.accesses[row]++;
  }
  if (state.rowCount * state.shardCount <= ROW_LIMIT) return;
  throw new TraceError('limit', 'there are more instructions than can be told apart', {
    expected: `loads and stores of at most ${formatCount(ROW_LIMIT)}, on all vCPUs`,
    remedy: 'Choose a part of the trace: --from and --to, --function, --cpl, --address-space.',
  });
}

/** The first counter is free only while there was no stride at all; then it has 0, and may be counted up at once. */
function countStride({ stride, count, excess }: StridesCounts, first: number, value: number): void {
  let least = first;
  for (let at = first; at < first + STRIDE_COUNT; at++) {
    if (count[at] > 0 && stride[at] === value) {
      count[at]++;
      return;
    }
    if (count[at] < count[least]) least = at;
  }
  stride[least] = value;
  excess[least] = count[least];
  count[least]++;
}

/** The place is seen for the first time, the instruction perhaps in another block. */
function numberInstruction(
  table: InstructionTable,
  state: StridesCounts,
  block: number,
  insn: number,
): number {
  const instruction = table.numberOf(block, insn);
  state.instructions[state.insnBase[block] + insn] = instruction + 1;
  state.instructionCount = table.count;
  makeRoom(state);
  return instruction;
}

/** For the rows of all instructions. */
function makeRoom(state: StridesCounts): void {
  while (state.rows.length < 2 * state.vcpuCount * state.instructionCount) {
    state.rows = doubled(state.rows, new Uint32Array(2 * state.rows.length));
  }
}

function addRow(state: StridesCounts): number {
  if (state.rowCount === state.accesses.length) {
    state.last = doubled(state.last, new Uint32Array(2 * state.last.length));
    for (const name of ['accesses', 'stride', 'count', 'excess'] as const) {
      state[name] = doubled(state[name], new Float64Array(2 * state[name].length));
    }
  }
  return state.rowCount++;
}

function doubled<C extends { set(from: C): void }>(from: C, to: C): C {
  to.set(from);
  return to;
}

/** Shards have different instructions: those of `b` come behind those of `a`. */
function mergeStrides(a: StridesCounts, b: StridesCounts): StridesCounts {
  const before = a.instructionCount;
  a.instructionCount += b.instructionCount;
  makeRoom(a);
  for (let place = 0; place < b.instructions.length; place++) {
    if (b.instructions[place] > 0) a.instructions[place] = before + b.instructions[place];
  }
  for (let place = 0; place < 2 * b.vcpuCount * b.instructionCount; place++) {
    const from = b.rows[place] - 1;
    if (from < 0) continue;
    const to = addRow(a);
    a.rows[2 * a.vcpuCount * before + place] = to + 1;
    a.accesses[to] = b.accesses[from];
    for (let i = 0; i < STRIDE_COUNT; i++) {
      a.stride[STRIDE_COUNT * to + i] = b.stride[STRIDE_COUNT * from + i];
      a.count[STRIDE_COUNT * to + i] = b.count[STRIDE_COUNT * from + i];
      a.excess[STRIDE_COUNT * to + i] = b.excess[STRIDE_COUNT * from + i];
    }
  }
  a.unaddressed += b.unaddressed;
  return a;
}

function finishStrides(state: StridesCounts): StridesResult {
  const { insnBase, vcpuCount, instructions, rows, unaddressed } = state;
  const isPlaced = new Uint8Array(state.instructionCount);
  const sites: StrideSite[] = [];
  let total = 0;
  for (let block = 0; block + 1 < insnBase.length; block++) {
    for (let place = insnBase[block]; place < insnBase[block + 1]; place++) {
      const instruction = instructions[place] - 1;
      if (instruction < 0 || isPlaced[instruction] === 1) continue;
      isPlaced[instruction] = 1;
      for (const store of [0, 1]) {
        const own: number[] = [];
        for (let vcpu = 0; vcpu < vcpuCount; vcpu++) {
          const row = rows[2 * (instruction * vcpuCount + vcpu) + store] - 1;
          if (row >= 0) own.push(row);
        }
        if (own.length === 0) continue;
        const accesses = own.reduce((sum, row) => sum + state.accesses[row], 0);
        total += accesses;
        sites.push({
          ...{ block, insn: place - insnBase[block], store: store === 1, accesses },
          steps: accesses - own.length,
          strides: stridesOf(state, own),
        });
      }
    }
  }
  return { accesses: total, noAddress: unaddressed, sites };
}

function stridesOf(
  { stride, count, excess }: StridesCounts,
  rows: readonly number[],
): StrideCount[] {
  const atLeast = new Map<number, number>();
  for (const row of rows) {
    for (let at = STRIDE_COUNT * row; at < STRIDE_COUNT * (row + 1); at++) {
      const sure = count[at] - excess[at];
      if (sure > 0) atLeast.set(stride[at], (atLeast.get(stride[at]) ?? 0) + sure);
    }
  }
  return [...atLeast]
    .map(([bytes, times]) => ({ stride: bytes, atLeast: times }))
    .sort((a, b) => b.atLeast - a.atLeast || a.stride - b.stride);
}

export type StrideClass = 'once' | 'constant' | 'stride' | 'irregular';

/** An instruction is regular when one stride is at least so much of its steps. */
export const REGULAR_SHARE: number = 0.9;

/** 'once': there is no step to tell from. */
export function classifyStrides(steps: number, strides: readonly StrideCount[]): StrideClass {
  if (steps === 0) return 'once';
  const [most] = strides;
  if (most === undefined || most.atLeast < REGULAR_SHARE * steps) return 'irregular';
  return most.stride === 0 ? 'constant' : 'stride';
}

/** Lower end of the 95 % interval of a share of `count` in `steps` (Wilson, 1927): few steps prove little. */
export function confidentShare(count: number, steps: number): number {
  if (steps === 0) return 0;
  const z2 = 1.96 ** 2;
  const share = count / steps;
  const spread = Math.sqrt(z2 * ((share * (1 - share)) / steps + z2 / (4 * steps * steps)));
  return Math.max(0, (share + z2 / (2 * steps) - spread) / (1 + z2 / steps));
}
