// SPDX-License-Identifier: Apache-2.0
// The cache hierarchy as an analysis. All levels have lines of one size, and sets by the low bits of the line's
// number: lines with the same low bits meet in every level, others never do. Those are the shards. A prefetcher
// reaches into the next shard, classes of misses need one list of all lines, and a warm-up ends for all at once.

import { halves, TraceError } from '../../base/index.ts';
import { type AccessColumns, requireColumn } from '../access-columns.ts';
import type { ShardedAnalysis } from '../analysis.ts';
import { cacheDigesting } from './cache-digest.ts';
import {
  COUNT_FETCHES,
  COUNT_LOADS,
  COUNT_MISSES,
  COUNT_PREFETCHES,
  COUNT_STORES,
  COUNT_WRITEBACKS,
  excludedFlags,
  TOTAL_DEVICE,
  TOTAL_MEMORY_WRITES,
  TOTAL_MORE_LINES,
  TOTAL_NO_ADDRESS,
} from './cache-layout.ts';
import { type CacheState, createCacheState, harvestCache, type UnitCounts } from './cache-state.ts';
import type { MissClasses } from './classify.ts';
import { consumeCache } from './consume-cache.ts';
import {
  type CacheParameters,
  LEVEL_NAMES,
  type LevelName,
  requireCacheParameters,
} from './parameters.ts';

export interface AccessCount {
  readonly accesses: number;
  readonly misses: number;
}

export interface CacheLevelResult extends AccessCount {
  readonly name: LevelName;
  readonly sizeBytes: number;
  readonly ways: number;
  readonly sets: number;
  readonly loads: AccessCount;
  readonly stores: AccessCount;
  readonly fetches: AccessCount;
  /** Apart from accesses and misses. */
  readonly prefetches: AccessCount;
  /** Lines given up that a store had changed. */
  readonly writebacks: number;
  /** Of the misses; when they were to be told apart. */
  readonly classes?: Readonly<MissClasses>;
  /** Misses for each 1,000 instructions; null when instructions were not counted. */
  readonly mpki: number | null;
  /** The caches of this level one by one; vcpu null: shared. */
  readonly caches: readonly (AccessCount & { readonly vcpu: number | null })[];
}

export interface CacheResult {
  /** Data accesses that went to the caches. */
  readonly dataAccesses: number;
  /** Lines that they touched beyond their first. */
  readonly lineCrossings: number;
  /** Null when only data was simulated. */
  readonly instructions: number | null;
  readonly excluded: { readonly device: number; readonly noAddress: number };
  /** Lines written to memory. */
  readonly memoryWrites: number;
  readonly levels: readonly CacheLevelResult[];
  /** By level, misses of instruction n (TraceShape.insnBase) at n. */
  readonly missesByInsn: Partial<Readonly<Record<LevelName, Float64Array>>>;
}

const MOST_SHARDS = 8;

type CacheAnalysis = ShardedAnalysis<CacheParameters, CacheState, CacheResult>;

/** Which of the three goes with the parameters: they differ in what they read of a trace. */
export function chooseCacheAnalysis({ l1i, usePhysical }: CacheParameters): CacheAnalysis {
  if (usePhysical) return physicalCacheAnalysis;
  return l1i === undefined ? dataCacheAnalysis : cacheAnalysis;
}

/** Instruction fetches and data, virtual addresses. */
export const cacheAnalysis: CacheAnalysis = cacheAnalysisOf('cache', 'vaddr', true);

/** Data only, virtual addresses. */
export const dataCacheAnalysis: CacheAnalysis = cacheAnalysisOf('cache-data', 'vaddr', false);

/** Data only, physical addresses. */
export const physicalCacheAnalysis: CacheAnalysis = cacheAnalysisOf(
  'cache-physical',
  'paddr',
  false,
);

function cacheAnalysisOf(name: string, address: 'vaddr' | 'paddr', runs: boolean): CacheAnalysis {
  return {
    name,
    order: 'per-shard',
    columns: [address, 'size', 'flags', 'vcpu', 'block', 'insn'],
    requires: [address],
    runs,
    init: createCacheState,
    consume: consumeCache,
    harvest: harvestCache,
    merge: mergeCache,
    finish: finishCache,
    shardLimit: limitCacheShards,
    shardMasks: markCacheShards,
    digesting: cacheDigesting,
  };
}

/** With few threads it is better to simulate in one while the others decode. */
const THREADS_FOR_SHARDS = 4;

function limitCacheShards(parameters: CacheParameters, _trace: unknown, threads: number): number {
  const { dataPrefetcher, classify, warmupRefs, l1i } = parameters;
  const sets = Object.values(requireCacheParameters(parameters)).filter((count) => count > 0);
  if (threads < THREADS_FOR_SHARDS) return 1;
  if (dataPrefetcher !== 'none' || classify || warmupRefs > 0) return 1;
  // Which fetches come before an access, those of other shards tell as well.
  if (l1i !== undefined) return 1;
  return Math.min(MOST_SHARDS, ...sets);
}

/** The shards of the lines that each access touches. What no cache sees is counted by the first. */
function markCacheShards(
  parameters: CacheParameters,
  batch: AccessColumns,
  shardCount: number,
  masks: Uint8Array,
): void {
  const { lineBytes, usePhysical } = parameters;
  const lineShift = Math.log2(lineBytes);
  const address = halves(
    usePhysical ? requireColumn(batch.paddr, 'paddr') : requireColumn(batch.vaddr, 'vaddr'),
  );
  const size = requireColumn(batch.size, 'size');
  const flags = requireColumn(batch.flags, 'flags');
  const excluded = excludedFlags(parameters);
  const shardMask = shardCount - 1;
  const all = 2 ** shardCount - 1;
  for (let i = 0; i < batch.length; i++) {
    const lo = address[2 * i];
    if ((flags[i] & excluded) !== 0) masks[i] = 1;
    // Which lines those are in another page, the simulation looks up.
    else if ((lo & (lineBytes - 1)) + size[i] > lineBytes) masks[i] = all;
    else masks[i] = 1 << ((lo >>> lineShift) & shardMask);
  }
}

/** Adds what shard b counted to a. */
function mergeCache(a: CacheState, b: CacheState): CacheState {
  a.units.forEach(({ counts }, unit) => {
    addTo(counts, b.units[unit].counts);
  });
  for (const level of LEVEL_NAMES) {
    const [into, from] = [a.siteMisses[level], b.siteMisses[level]];
    if (into !== undefined && from !== undefined) addTo(into, from);
  }
  addTo(a.totals, b.totals);
  // Every shard sees every block execution.
  return a;
}

function addTo(into: Float64Array, from: Float64Array): void {
  for (let i = 0; i < into.length; i++) into[i] += from[i];
}

/** Throws TraceError 'bad-argument' when the warm-up was not over at the end. */
function finishCache(state: CacheState): CacheResult {
  const { parameters, units, totals, warmupLeft } = state;
  if (warmupLeft > 0) {
    throw new TraceError('bad-argument', 'the warm-up leaves nothing to count', {
      expected: `less than ${parameters.warmupRefs - warmupLeft} accesses, which is all there are`,
      found: `${parameters.warmupRefs}`,
      remedy: 'a shorter --warmup-refs, or a longer part of the trace',
    });
  }
  const sets = requireCacheParameters(parameters);
  const instructions = parameters.l1i === undefined ? null : state.instructions;
  const geometry = {
    L1I: parameters.l1i,
    L1D: parameters.l1d,
    L2: parameters.l2,
    LL: parameters.ll,
  };
  const levels = LEVEL_NAMES.flatMap((name) => {
    const shape = geometry[name];
    if (shape === undefined) return [];
    const there = units.filter(({ level }) => level === name);
    return [{ name, ...shape, sets: sets[name], ...finishLevel(there, instructions) }];
  });
  const touches = levels
    .filter(({ name }) => name === 'L1D')
    .reduce((sum, { accesses }) => sum + accesses, 0);
  return {
    dataAccesses: touches - totals[TOTAL_MORE_LINES],
    lineCrossings: totals[TOTAL_MORE_LINES],
    instructions,
    excluded: { device: totals[TOTAL_DEVICE], noAddress: totals[TOTAL_NO_ADDRESS] },
    memoryWrites: totals[TOTAL_MEMORY_WRITES],
    levels,
    missesByInsn: state.siteMisses,
  };
}

function finishLevel(
  units: readonly UnitCounts[],
  instructions: number | null,
): Omit<CacheLevelResult, 'name' | 'sizeBytes' | 'ways' | 'sets'> {
  const sum = (place: number): number =>
    units.reduce((total, { counts }) => total + counts[place], 0);
  const count = (kind: number): AccessCount => ({
    accesses: sum(kind),
    misses: sum(COUNT_MISSES + kind),
  });
  const [loads, stores, fetches] = [COUNT_LOADS, COUNT_STORES, COUNT_FETCHES].map(count);
  const misses = loads.misses + stores.misses + fetches.misses;
  const classes = units.flatMap((unit) => (unit.classes === undefined ? [] : [unit.classes]));
  return {
    accesses: loads.accesses + stores.accesses + fetches.accesses,
    misses,
    loads,
    stores,
    fetches,
    prefetches: count(COUNT_PREFETCHES),
    writebacks: sum(COUNT_WRITEBACKS),
    ...(classes.length === 0
      ? {}
      : {
          classes: {
            compulsory: classes.reduce((total, one) => total + one.compulsory, 0),
            capacity: classes.reduce((total, one) => total + one.capacity, 0),
            conflict: classes.reduce((total, one) => total + one.conflict, 0),
          },
        }),
    mpki: instructions === null || instructions === 0 ? null : (1000 * misses) / instructions,
    caches: units.map(({ vcpu, counts }) => ({
      vcpu: vcpu < 0 ? null : vcpu,
      accesses: counts[COUNT_LOADS] + counts[COUNT_STORES] + counts[COUNT_FETCHES],
      misses:
        counts[COUNT_MISSES + COUNT_LOADS] +
        counts[COUNT_MISSES + COUNT_STORES] +
        counts[COUNT_MISSES + COUNT_FETCHES],
    })),
  };
}
