// SPDX-License-Identifier: Apache-2.0
// What a cache simulation is told. Names and defaults follow drcachesim.

import { TraceError } from '../../base/index.ts';
import {
  type CacheGeometry,
  type ReplacePolicy,
  requireLineShift,
  requireSets,
} from './geometry.ts';

export const LEVEL_NAMES = ['L1I', 'L1D', 'L2', 'LL'] as const;

export type LevelName = (typeof LEVEL_NAMES)[number];

export const DATA_PREFETCHERS = ['none', 'nextline'] as const;

export type DataPrefetcher = (typeof DATA_PREFETCHERS)[number];

export interface CacheParameters {
  readonly lineBytes: number;
  /** Private to each vCPU, with l1d and l2; without it instruction fetches are left out. */
  readonly l1i: CacheGeometry | undefined;
  readonly l1d: CacheGeometry;
  /** Of instructions and data. */
  readonly l2: CacheGeometry | undefined;
  /** Shared by all vCPUs. */
  readonly ll: CacheGeometry | undefined;
  readonly replacePolicy: ReplacePolicy;
  readonly randomSeed: number;
  /** A store that misses brings the line in; else it goes to the next level, in the end to memory. */
  readonly writeAllocate: boolean;
  readonly dataPrefetcher: DataPrefetcher;
  /** Lines of physical memory; data only, since a trace has no physical addresses of code. */
  readonly usePhysical: boolean;
  /** So many data accesses warm the caches first and are not counted. */
  readonly warmupRefs: number;
  /** Tell compulsory, capacity and conflict misses apart. */
  readonly classify: boolean;
}

/** Sets of each level. Throws TraceError 'bad-argument' for what cannot be simulated, and says why. */
export function requireCacheParameters(
  parameters: CacheParameters,
): Readonly<Record<LevelName, number>> {
  const { lineBytes, replacePolicy, l1i, l1d, l2, ll } = parameters;
  requireLineShift(lineBytes);
  const setsOf = (name: string, geometry: CacheGeometry | undefined): number =>
    geometry === undefined ? 0 : requireSets(name, geometry, lineBytes, replacePolicy);
  if (parameters.classify && parameters.dataPrefetcher !== 'none') {
    throw new TraceError('bad-argument', 'misses are not told apart with a prefetcher', {
      remedy: 'A prefetched line has no first use: leave out the prefetcher or the classes.',
    });
  }
  if (l1i !== undefined && parameters.usePhysical) {
    throw new TraceError('bad-argument', 'instruction fetches have no physical addresses', {
      remedy: 'Simulate data only, or virtual addresses.',
    });
  }
  return {
    L1I: setsOf('L1I', l1i),
    L1D: setsOf('L1D', l1d),
    L2: setsOf('L2', l2),
    LL: setsOf('LL', ll),
  };
}
