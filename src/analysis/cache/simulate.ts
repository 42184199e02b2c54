// SPDX-License-Identifier: Apache-2.0
// Feeds a stretch of a trace to the caches: data accesses, with the instruction fetches between them when
// there is an L1I. An access or instruction touches each line that it has a byte in. Hot: the loop over
// accesses looks at the first way of L1D itself, and calls for all else.

import {
  type AccessColumns,
  FLAG_CROSSES_PAGE,
  FLAG_DEVICE,
  FLAG_PADDR_UNKNOWN,
  FLAG_PHYSICAL_ONLY,
  FLAG_STORE,
  halves,
  type RunColumns,
  requireColumn,
} from '../access-columns.ts';
import { COUNT_MISSES, Kind } from './counts.ts';
import {
  accessLine,
  allUnits,
  type CacheUnit,
  type Hierarchy,
  prefetchNext,
  requireVcpu,
  type VcpuCaches,
} from './hierarchy.ts';
import { DIRTY, LINE_HI_MASK } from './set-cache.ts';
import type { CacheState, FetchCursor } from './state.ts';

const PAGE_BYTES = 4096;
/** Behind every instruction of a block. */
const NO_INSN = 0x1_0000;
const EMPTY_RUNS: Pick<RunColumns, 'length'> = { length: 0 };

/** Takes accesses of which none was aborted, and the block executions between them: see Analysis.consume. */
export function consumeCache(state: CacheState, batch: AccessColumns): void {
  const ordinal = state.isCounting ? undefined : requireColumn(batch.ordinal, 'ordinal');
  let warm = 0;
  if (ordinal !== undefined) {
    while (warm < batch.length && ordinal[warm] < state.parameters.countFrom) warm++;
    simulate(state, batch, 0, warm);
    if (warm === batch.length) return;
    beginCounting(state);
  }
  simulate(state, batch, warm, batch.length);
}

function simulate(state: CacheState, batch: AccessColumns, begin: number, end: number): void {
  const { hierarchy, parameters, lineShift, cursor } = state;
  const shardMask = state.shard.count - 1;
  const shardIndex = state.shard.index;
  const vaddr = halves(requireColumn(batch.vaddr, 'vaddr'));
  const flags = requireColumn(batch.flags, 'flags');
  const size = requireColumn(batch.size, 'size');
  const block = requireColumn(batch.block, 'block');
  const insn = requireColumn(batch.insn, 'insn');
  const vcpu = batch.vcpu;
  const paddr = parameters.usePhysical ? halves(requireColumn(batch.paddr, 'paddr')) : vaddr;
  const excluded = FLAG_DEVICE | (parameters.usePhysical ? FLAG_PADDR_UNKNOWN : FLAG_PHYSICAL_ONLY);
  const highShift = 32 - lineShift;
  const inLineMask = 2 ** lineShift - 1;
  const isSimple = parameters.replacePolicy !== 'plru' && !parameters.classify;

  const runs = state.fetches === undefined ? undefined : batch.runs;
  let run = state.nextRun;

  let caches = requireVcpu(hierarchy, vcpu === undefined || begin === end ? 0 : vcpu[begin]);
  let currentVcpu = vcpu === undefined || begin === end ? 0 : vcpu[begin];
  for (let i = begin; i < end; i++) {
    // todo
  }
}
