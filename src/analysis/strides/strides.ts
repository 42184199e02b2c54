// SPDX-License-Identifier: Apache-2.0
// By how much the address moves from one execution of an instruction to its next on the same vCPU, loads and stores apart.
// A few strides of each instruction are counted (Space-Saving, Metwally et al., ICDT 2005), and it is known how often each was
// at least; one that makes up nearly all steps cannot be missed.

import { formatCount, halves, TraceError } from '../../base/index.ts';
import { AccessFlag } from '../../format/index.ts';
import { type AccessColumns, requireColumn } from '../access-columns.ts';
import type { Shard, ShardedAnalysis, TraceShape } from '../analysis.ts';

export interface StridesState {
  readonly shardCount: number;
  readonly insnBase: Uint32Array;
  readonly vcpuCount: number;
  /** Row + 1 of loads and stores of instruction n on vCPU v at (n * vcpuCount + v) * 2, + 1; 0: none. */
  readonly rows: Uint32Array;
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

/** Loads or stores of an instruction of the code table. */
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
/** Loads and stores of instructions that are told apart, on each vCPU: they take about 600 bytes, figures included. */
const ROW_LIMIT = 2 ** 20;

type NoParameters = Readonly<Record<string, never>>;

export const stridesAnalysis: ShardedAnalysis<NoParameters, StridesState, StridesResult> = {
  name: 'strides',
  order: 'per-shard',
  columns: ['vaddr', 'flags', 'block', 'insn', 'vcpu'],
  requires: ['vaddr'],
  init: initStrides,
  consume: consumeStrides,
  merge: mergeStrides,
  finish: finishStrides,
  shardLimit: () => MOST_SHARDS,
  shardMasks: markStrideShards,
};

function initStrides(
  _parameters: NoParameters,
  { insnBase, vcpuCount, blockCount }: Pick<TraceShape, 'insnBase' | 'vcpuCount' | 'blockCount'>,
  { count: shardCount }: Pick<Shard, 'count'>,
): StridesState {
  return {
    ...{ shardCount, insnBase, vcpuCount, rowCount: 0, unaddressed: 0 },
    rows: new Uint32Array(2 * vcpuCount * insnBase[blockCount]),
    last: new Uint32Array(2 * FIRST_ROWS),
    accesses: new Float64Array(FIRST_ROWS),
    stride: new Float64Array(STRIDE_COUNT * FIRST_ROWS),
    count: new Float64Array(STRIDE_COUNT * FIRST_ROWS),
    excess: new Float64Array(STRIDE_COUNT * FIRST_ROWS),
  };
}

/** All executions of an instruction are of one shard. */
function markStrideShards(
  _parameters: NoParameters,
  batch: AccessColumns,
  shardCount: number,
  masks: Uint8Array,
): void {
  const block = requireColumn(batch.block, 'block');
  const insn = requireColumn(batch.insn, 'insn');
  for (let i = 0; i < batch.length; i++) masks[i] = 1 << ((block[i] + insn[i]) & (shardCount - 1));
}

/** Throws TraceError 'limit' when there are more instructions than memory takes. */
function consumeStrides(state: StridesState, batch: AccessColumns): void {
  const vaddr = halves(requireColumn(batch.vaddr, 'vaddr'));
  const flags = requireColumn(batch.flags, 'flags');
  const block = requireColumn(batch.block, 'block');
  const insn = requireColumn(batch.insn, 'insn');
  const vcpu = requireColumn(batch.vcpu, 'vcpu');
  const { insnBase, vcpuCount, rows } = state;
  for (let i = 0; i < batch.length; i++) {
    if ((flags[i] & AccessFlag.physicalOnly) !== 0) {
      state.unaddressed++;
      continue;
    }
    const site = insnBase[block[i]] + insn[i];
    const place = 2 * (site * vcpuCount + vcpu[i]) + (flags[i] & AccessFlag.store);
    const lo = vaddr[2 * i];
    const hi = vaddr[2 * i + 1];
    let row = rows[place] - 1;
    if (row < 0) {
      row = addRow(state);
      rows[place] = row + 1;
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
function countStride({ stride, count, excess }: StridesState, first: number, value: number): void {
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

function addRow(state: StridesState): number {
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

/** Shards have different instructions. */
function mergeStrides(a: StridesState, b: StridesState): StridesState {
  for (let place = 0; place < b.rows.length; place++) {
    const from = b.rows[place] - 1;
    if (from < 0) continue;
    const to = addRow(a);
    a.rows[place] = to + 1;
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

function finishStrides(state: StridesState): StridesResult {
  const { insnBase, vcpuCount, rows, unaddressed } = state;
  const sites: StrideSite[] = [];
  let total = 0;
  for (let block = 0; block + 1 < insnBase.length; block++) {
    for (let site = insnBase[block]; site < insnBase[block + 1]; site++) {
      for (const store of [0, 1]) {
        const own: number[] = [];
        for (let vcpu = 0; vcpu < vcpuCount; vcpu++) {
          const row = rows[2 * (site * vcpuCount + vcpu) + store] - 1;
          if (row >= 0) own.push(row);
        }
        if (own.length === 0) continue;
        const accesses = own.reduce((sum, row) => sum + state.accesses[row], 0);
        total += accesses;
        sites.push({
          ...{ block, insn: site - insnBase[block], store: store === 1, accesses },
          steps: accesses - own.length,
          strides: stridesOf(state, own),
        });
      }
    }
  }
  return { accesses: total, noAddress: unaddressed, sites };
}

function stridesOf(
  { stride, count, excess }: StridesState,
  rows: readonly number[],
): StrideCount[] {
  const atLeast = new Map<number, number>();
  for (const row of rows) {
    for (let at = STRIDE_COUNT * row; at < STRIDE_COUNT * (row + 1); at++) {
      const sure = count[at] - excess[at];
      if (sure > 0) atLeast.set(stride[at], (atLeast.get(stride[at]) ?? 0) + sure);
    }
  }
  return sortStrides(atLeast);
}

/** Most often first. */
export function sortStrides(atLeast: ReadonlyMap<number, number>): StrideCount[] {
  return [...atLeast]
    .map(([stride, times]) => ({ stride, atLeast: times }))
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
