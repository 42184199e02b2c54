// SPDX-License-Identifier: Apache-2.0
// The cache hierarchy as an analysis. All levels have lines of one size, and sets by the low bits of the line's
// number: lines with the same low bits meet in every level, others never do. Those are the shards. A prefetcher
// reaches into the next shard, classes of misses need one list of all lines, and a warm-up ends for all at once.

import {
  type AccessColumns,
  FLAG_ABORTED,
  FLAG_DEVICE,
  FLAG_PADDR_UNKNOWN,
  FLAG_PHYSICAL_ONLY,
  halves,
  requireColumn,
} from '../access-columns.ts';
import type { ShardedAnalysis } from '../analysis.ts';
import {
  COUNT_FETCHES,
  COUNT_LENGTH,
  COUNT_LOADS,
  COUNT_MISSES,
  COUNT_PREFETCHES,
  COUNT_STORES,
  COUNT_WRITEBACKS,
  totalPlace,
  totalsOf,
} from './cache-layout.ts';
import { type CacheState, createCacheState, requireKernel } from './cache-state.ts';
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
  readonly classes:
    | { readonly compulsory: number; readonly capacity: number; readonly conflict: number }
    | undefined;
  /** Misses for each 1,000 instructions; null when instructions were not counted. */
  readonly mpki: number | null;
  /** The caches of this level one by one; vcpu null: shared. */
  readonly caches: readonly (AccessCount & { readonly vcpu: number | null })[];
}

/** Misses of an instruction of the code table, by level. */
export interface MissSite {
  readonly block: number;
  readonly insn: number;
  readonly misses: Partial<Readonly<Record<LevelName, number>>>;
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
  /** Every instruction that missed, in the order of the code table. */
  readonly sites: readonly MissSite[];
}

const MOST_SHARDS = 8;

export const cacheAnalysis: ShardedAnalysis<CacheParameters, CacheState, CacheResult> = {
  name: 'cache',
  order: 'per-shard',
  columns: cacheColumns,
  runs: (parameters) => parameters.l1i !== undefined,
  init: (parameters, trace, shard) => createCacheState(parameters, trace.vcpuCount, shard),
  consume: consumeCache,
  merge: mergeCache,
  finish: finishCache,
  shardLimit(parameters) {
    const { dataPrefetcher, classify, countFrom } = parameters;
    const sets = Object.values(requireCacheParameters(parameters)).filter((count) => count > 0);
    if (dataPrefetcher !== 'none' || classify || countFrom > 0) return 1;
    return Math.min(MOST_SHARDS, ...sets);
  },
  shardMasks: markCacheShards,
};

/** Adds what shard b counted to a. */
export function mergeCache(a: CacheState, b: CacheState): CacheState {
  const { places } = a;
  for (const state of [a, b]) requireKernel(state).finishFetches();
  const add = (at: number, length: number): void => {
    const into = new Float64Array(a.memory, at, length);
    const from = new Float64Array(b.memory, at, length);
    for (let i = 0; i < length; i++) into[i] += from[i];
  };
  for (const { countsAt } of places.units) add(countsAt, COUNT_LENGTH);
  for (const at of Object.values(places.siteMissesAt)) add(at, places.insnCount);
  add(places.totalsAt, totalsOf(a.memory, places).length);
  return a;
}
