// SPDX-License-Identifier: Apache-2.0
// Hands stretches of a trace to the kernel, in pieces that fit its columns.

import { type AccessColumns, halves, type RunColumns, requireColumn } from '../access-columns.ts';
import { PIECE_LENGTH } from './cache-layout.ts';
import { beginCounting, type CacheKernel, type CacheState, requireKernel } from './cache-state.ts';

/** Takes accesses and the block executions between them; aborted accesses and those of devices are left out. */
export function consumeCache(state: CacheState, batch: AccessColumns): void {
  const kernel = requireKernel(state);
  const runs = state.parameters.l1i === undefined ? undefined : requireColumn(batch.runs, 'runs');
  const runCount = runs?.length ?? 0;
  let access = 0;
  let run = 0;
  const advance = (accessEnd: number, runEnd: number): void => {
    while (access < accessEnd || run < runEnd) {
      [access, run] = takePiece(state, kernel, batch, access, accessEnd, run, runEnd);
    }
  };
  if (!state.isCounting) {
    const warm = findOrdinal(batch, state.parameters.countFrom);
    if (warm === batch.length) {
      advance(batch.length, runCount);
      return;
    }
    // Block executions right before the first access that counts are not warm-up any more.
    let warmRuns = 0;
    while (runs !== undefined && warmRuns < runCount && runs.firstAccess[warmRuns] < warm) warmRuns++;
    advance(warm, warmRuns);
    beginCounting(state);
  }
  if (runs !== undefined) countInstructions(state, runs, run);
  advance(batch.length, runCount);
}

/** Index of the first access with that ordinal or a higher one. */
function findOrdinal(batch: AccessColumns, ordinal: number): number {
  const ordinals = requireColumn(batch.ordinal, 'ordinal');
  let index = 0;
  while (index < batch.length && ordinals[index] < ordinal) index++;
  return index;
}

/**
 * Counts those of the block executions from begin on. A rep instruction that is suspended and goes on is one
 * instruction in two block executions; icounts know.
 */
function countInstructions(state: CacheState, runs: RunColumns, begin: number): void {
  const { icountEnd } = state;
  const icounts = halves(runs.icount);
  for (let run = begin; run < runs.length; ) {
    const vcpu = runs.vcpu[run];
    let last = run;
    while (last + 1 < runs.length && runs.vcpu[last + 1] === vcpu) last++;
    const start = icounts[2 * run + 1] * 2 ** 32 + icounts[2 * run];
    const end = icounts[2 * last + 1] * 2 ** 32 + icounts[2 * last] + runs.executed[last];
    state.instructions += end - Math.max(start, icountEnd[vcpu] ?? 0);
    icountEnd[vcpu] = end;
    run = last + 1;
  }
}

/** Simulates accesses and block executions from `access` and `run` on; returns where the rest begins. */
function takePiece(
  state: CacheState,
  kernel: CacheKernel,
  batch: AccessColumns,
  access: number,
  accessLast: number,
  run: number,
  runLast: number,
): [access: number, run: number] {
  let accessEnd = Math.min(accessLast, access + PIECE_LENGTH);
  let runEnd = run;
  const { runs } = batch;
  if (runs !== undefined && run < runLast) {
    runEnd = Math.min(runLast, run + PIECE_LENGTH);
    if (runEnd < runLast && runs.firstAccess[runEnd] < accessEnd) {
      accessEnd = runs.firstAccess[runEnd];
    } else if (accessEnd < accessLast) {
      while (runEnd > run && runs.firstAccess[runEnd - 1] >= accessEnd) runEnd--;
    }
    copyRuns(state, runs, run, runEnd);
  }
  copyAccesses(state, batch, access, accessEnd);
  kernel.simulate(accessEnd - access, runEnd - run, access);
  return [accessEnd, runEnd];
}

function copyRuns({ memory, places }: CacheState, runs: RunColumns, begin: number, end: number): void {
  const { columns } = places;
  const length = end - begin;
  const firstAccess = runs.firstAccess.subarray(begin, end);
  new Uint32Array(memory, columns.runFirstAccess, length).set(firstAccess);
  new Uint32Array(memory, columns.runBlock, length).set(runs.block.subarray(begin, end));
  new Uint16Array(memory, columns.runExecuted, length).set(runs.executed.subarray(begin, end));
  new Uint16Array(memory, columns.runVcpu, length).set(runs.vcpu.subarray(begin, end));
}

function copyAccesses(
  { memory, places, parameters }: CacheState,
  batch: AccessColumns,
  begin: number,
  end: number,
): void {
  const { columns } = places;
  const length = end - begin;
  const address = parameters.usePhysical
    ? requireColumn(batch.paddr, 'paddr')
    : requireColumn(batch.vaddr, 'vaddr');
  new BigUint64Array(memory, columns.address, length).set(address.subarray(begin, end));
  const bytes = (at: number, name: 'size' | 'flags'): void => {
    const column = requireColumn(batch[name], name);
    new Uint8Array(memory, at, length).set(column.subarray(begin, end));
  };
  bytes(columns.size, 'size');
  bytes(columns.flags, 'flags');
  const block = requireColumn(batch.block, 'block');
  new Uint32Array(memory, columns.block, length).set(block.subarray(begin, end));
  const insn = requireColumn(batch.insn, 'insn');
  new Uint16Array(memory, columns.insn, length).set(insn.subarray(begin, end));
  // Without the column there is one vCPU, 0, which is what memory holds from the beginning.
  if (batch.vcpu !== undefined) {
    new Uint16Array(memory, columns.vcpu, length).set(batch.vcpu.subarray(begin, end));
  }
  if (!parameters.usePhysical) return;
  const { index, paddr } = requireColumn(batch.crossings, 'crossings');
  let first = 0;
  while (first < index.length && index[first] < begin) first++;
  let last = first;
  while (last < index.length && index[last] < end) last++;
  const crossingIndex = new Uint32Array(memory, columns.crossingIndex, last - first + 1);
  crossingIndex.set(index.subarray(first, last));
  crossingIndex[last - first] = 0xffff_ffff;
  new BigUint64Array(memory, columns.crossingPaddr, last - first).set(paddr.subarray(first, last));
}
