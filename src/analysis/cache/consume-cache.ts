// SPDX-License-Identifier: Apache-2.0
// Hands stretches of a trace to the kernel, in pieces that fit its columns.

import { requireDefined } from '../../base/index.ts';
import { type AccessColumns, type RunColumns, requireColumn } from '../access-columns.ts';
import { PIECE_LENGTH } from './cache-layout.ts';
import { beginCounting, type CacheState, type RunningCaches } from './cache-state.ts';

const NO_RUNS = new Uint32Array(0);

/** Takes accesses and the block executions between them; aborted accesses and those of devices are left out. */
export function consumeCache(state: CacheState, batch: AccessColumns): void {
  const running = requireDefined(state.running, 'a harvested simulation takes no more accesses');
  const { usePhysical, l1i } = state.parameters;
  const runs = l1i === undefined ? undefined : requireColumn(batch.runs, 'runs');
  const runCount = runs?.length ?? 0;
  const runsAt = runs?.firstAccess ?? NO_RUNS;
  const place = { access: 0, run: 0 };
  const advance = (accessEnd: number, runEnd: number): void => {
    while (place.access < accessEnd || place.run < runEnd) {
      takePiece(running, usePhysical, batch, place, accessEnd, runEnd);
    }
  };
  const { warmupLeft } = state;
  if (warmupLeft > 0) {
    state.warmupLeft = Math.max(0, warmupLeft - batch.length);
    // Block executions behind the last access of the warm-up are not warm-up any more.
    let warmRuns = 0;
    while (warmRuns < runCount && runsAt[warmRuns] < warmupLeft) warmRuns++;
    advance(Math.min(warmupLeft, batch.length), warmRuns);
    if (state.warmupLeft === 0) beginCounting(state);
  }
  if (runs !== undefined) countInstructions(state, runs, place.run);
  advance(batch.length, runCount);
  running.kernel.finishFetches();
}

function countInstructions(state: CacheState, runs: RunColumns, begin: number): void {
  let sum = 0;
  for (let run = begin; run < runs.length; run++) sum += runs.executed[run] - runs.continues[run];
  state.instructions += sum;
}

/** Simulates some of the accesses and block executions from that place on, and moves the place. */
function takePiece(
  running: RunningCaches,
  usePhysical: boolean,
  batch: AccessColumns,
  place: { access: number; run: number },
  accessLast: number,
  runLast: number,
): void {
  const { access, run } = place;
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
    copyRuns(running, runs, run, runEnd);
  }
  copyAccesses(running, usePhysical, batch, access, accessEnd);
  running.kernel.simulate(accessEnd - access, runEnd - run, access);
  place.access = accessEnd;
  place.run = runEnd;
}

function copyRuns(
  { memory, places }: RunningCaches,
  runs: RunColumns,
  begin: number,
  end: number,
): void {
  const { columns } = places;
  const length = end - begin;
  const firstAccess = runs.firstAccess.subarray(begin, end);
  new Uint32Array(memory, columns.runFirstAccess, length).set(firstAccess);
  new Uint32Array(memory, columns.runBlock, length).set(runs.block.subarray(begin, end));
  new Uint16Array(memory, columns.runExecuted, length).set(runs.executed.subarray(begin, end));
  new Uint8Array(memory, columns.runContinues, length).set(runs.continues.subarray(begin, end));
  new Uint16Array(memory, columns.runVcpu, length).set(runs.vcpu.subarray(begin, end));
}

function copyAccesses(
  { memory, places }: RunningCaches,
  usePhysical: boolean,
  batch: AccessColumns,
  begin: number,
  end: number,
): void {
  const { columns } = places;
  const length = end - begin;
  const address = usePhysical
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
  const vcpu = requireColumn(batch.vcpu, 'vcpu');
  new Uint16Array(memory, columns.vcpu, length).set(vcpu.subarray(begin, end));
  if (!usePhysical) return;
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
