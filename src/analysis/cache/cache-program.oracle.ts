// SPDX-License-Identifier: Apache-2.0
// Programs of tests as stretches of a trace, and simulations of them as the engine runs them.

import type { Capabilities } from '../../format/index.ts';
import type { AccessColumns } from '../access-columns.ts';
import type { TraceShape } from '../analysis.ts';
import { createGatherer } from '../gather.ts';
import { type CacheResult, chooseCacheAnalysis } from './cache-analysis.ts';
import { cacheDigesting } from './cache-digest.ts';
import type { ProgramBlock, ProgramRun } from './cache-hierarchy.oracle.ts';
import type { CacheParameters } from './parameters.ts';

export function shapeOf(blocks: readonly ProgramBlock[], vcpuCount: number): TraceShape {
  const insnBase = new Uint32Array(blocks.length + 1);
  blocks.forEach(({ insnBytes }, id) => {
    insnBase[id + 1] = (insnBase[id] ?? 0) + Math.max(1, insnBytes.length);
  });
  const lengthsOf = (id: number): readonly number[] => blocks[id]?.insnBytes ?? [];
  return {
    vcpuCount,
    blockCount: blocks.length,
    insnBase,
    blockCpl: new Uint8Array(blocks.length),
    chunks: [],
    complete: true,
    get capabilities(): Capabilities {
      throw new Error('these analyses do not look at them');
    },
    code: {
      blockCount: blocks.length,
      vaddr: (id) => blocks[id]?.vaddr ?? 0n,
      insnCount: (id) => lengthsOf(id).length,
      insnOffsets(id) {
        let at = 0;
        return Uint16Array.from(lengthsOf(id), (bytes) => (at += bytes) - bytes);
      },
      bytes: (id) => new Uint8Array(lengthsOf(id).reduce((sum, bytes) => sum + bytes, 0)),
      mode: (id) => blocks[id]?.mode,
      flags: () => 0,
    },
  };
}

/** Pages are 4 KiB; `frameOf` says where the page is in physical memory. */
export function columnsOf(
  runs: readonly ProgramRun[],
  frameOf: (page: bigint) => bigint = (page) => page,
): AccessColumns {
  const rows = runs.flatMap((run) => run.accesses.map((access) => ({ run, access })));
  const physical = (address: bigint): bigint =>
    (frameOf(address >> 12n) << 12n) | (address & 0xfffn);
  const crossing = rows.flatMap(({ access }, index) => {
    const last = access.address + BigInt(access.size) - 1n;
    return last >> 12n === access.address >> 12n ? [] : [{ index, paddr: (last >> 12n) << 12n }];
  });
  let first = 0;
  return {
    length: rows.length,
    vaddr: BigUint64Array.from(rows, ({ access }) => access.address),
    paddr: BigUint64Array.from(rows, ({ access }) => physical(access.address)),
    size: Uint8Array.from(rows, ({ access }) => access.size),
    flags: Uint8Array.from(rows, ({ access }) => (access.store ? 1 : 0) | (access.device ? 4 : 0)),
    vcpu: Uint16Array.from(rows, ({ run }) => run.vcpu),
    block: Uint32Array.from(rows, ({ run }) => run.block),
    insn: Uint16Array.from(rows, ({ access }) => access.insn),
    crossings: {
      index: Uint32Array.from(crossing, ({ index }) => index),
      paddr: BigUint64Array.from(crossing, ({ paddr }) => physical(paddr)),
    },
    runs: {
      length: runs.length,
      firstBlock: 0,
      shape: new Uint32Array(runs.length),
      block: Uint32Array.from(runs, (run) => run.block),
      executed: Uint16Array.from(runs, (run) => run.executed),
      vcpu: Uint16Array.from(runs, (run) => run.vcpu),
      icount: new BigUint64Array(runs.length),
      firstAccess: Uint32Array.from(
        runs,
        ({ accesses }) => (first += accesses.length) - accesses.length,
      ),
      continues: Uint8Array.from(runs, (run) => (run.continues === true ? 1 : 0)),
    },
  };
}

export function simulate(
  parameters: CacheParameters,
  shape: TraceShape,
  stretches: readonly AccessColumns[],
): CacheResult {
  const analysis = chooseCacheAnalysis(parameters);
  const state = analysis.init(parameters, shape, { index: 0, count: 1 });
  for (const stretch of stretches) analysis.consume(state, stretch);
  return analysis.finish(analysis.harvest?.(state) ?? state, shape);
}

/** Each shard takes its part of each stretch; the states go through structured clone, as between threads. */
export function simulateSharded(
  parameters: CacheParameters,
  shape: TraceShape,
  stretches: readonly AccessColumns[],
  count: number,
): CacheResult {
  const analysis = chooseCacheAnalysis(parameters);
  const states = Array.from({ length: count }, (_, index) =>
    analysis.init(parameters, shape, { index, count }),
  );
  for (const stretch of stretches) {
    const masks = new Uint8Array(stretch.length);
    analysis.shardMasks(parameters, stretch, count, masks);
    states.forEach((state, shard) => {
      const rows = [...masks.keys()].filter((i) => (((masks[i] ?? 0) >> shard) & 1) === 1);
      const part = createGatherer().gather(stretch, Uint32Array.from(rows), stretch.runs);
      analysis.consume(state, part);
    });
  }
  const harvested = states.map((state) => structuredClone(analysis.harvest?.(state) ?? state));
  return analysis.finish(
    harvested.reduce((a, b) => analysis.merge(a, b)),
    shape,
  );
}

/**
 * Each chunk, of some stretches, is digested by one of two digesters, from the last chunk to the first; digests go through
 * structured clone.
 */
export function simulateDigested(
  parameters: CacheParameters,
  shape: TraceShape,
  chunks: readonly (readonly AccessColumns[])[],
): CacheResult {
  const analysis = chooseCacheAnalysis(parameters);
  const even = cacheDigesting.init(parameters, shape);
  const odd = cacheDigesting.init(parameters, shape);
  const digests = chunks
    .map((chunk, index) => ({ chunk, digester: index % 2 === 0 ? even : odd }))
    .toReversed()
    .map(({ chunk, digester }) => {
      for (const stretch of chunk) cacheDigesting.consume(digester, stretch);
      return structuredClone(cacheDigesting.take(digester));
    })
    .toReversed();
  const state = analysis.init(parameters, shape, { index: 0, count: 1 });
  for (const digest of digests) cacheDigesting.absorb(state, digest);
  return analysis.finish(analysis.harvest?.(state) ?? state, shape);
}
