// SPDX-License-Identifier: Apache-2.0
// The simulation in two steps, of which the first, the greater one, needs nothing of what came before a chunk: the
// first levels, from nothing, tell what they missed (kernel/cache/digest.ts). The second puts the chunks together
// (kernel/cache/absorb.ts): it decides which of the first misses of a chunk were none, and simulates the levels
// behind. Bit for bit what one step comes to.

import { requireDefined } from '../../base/index.ts';
import type { AccessColumns } from '../access-columns.ts';
import type { Digesting, TraceShape } from '../analysis.ts';
import { COUNT_LENGTH, EMPTY_BYTE, MISS_BYTES, TOTAL_LENGTH } from './cache-layout.ts';
import { type CacheState, createCacheState } from './cache-state.ts';
import { consumeCache } from './consume-cache.ts';
import { type CacheParameters, requireCacheParameters } from './parameters.ts';

export interface CacheDigester {
  readonly state: CacheState;
  /** Of the chunk so far. */
  misses: Uint8Array<ArrayBuffer>[];
}

/** What a chunk comes to. First levels are in the order in which the kernel has them. */
export interface CacheDigest {
  /** As in kernel/cache/layout.ts. */
  readonly misses: readonly Uint8Array<ArrayBuffer>[];
  readonly firstLevels: readonly {
    readonly counts: Float64Array<ArrayBuffer>;
    /** With which the chunk left it. */
    readonly tags: Uint8Array<ArrayBuffer>;
  }[];
  readonly totals: Float64Array<ArrayBuffer>;
  readonly instructions: number;
}

/** Of all first levels together: they are part of every digest. */
const MOST_FIRST_WAYS = 2 ** 16;

export const cacheDigesting: Digesting<CacheParameters, CacheState, CacheDigester, CacheDigest> = {
  isPossible: canDigest,
  init: initDigester,
  consume: consumeDigester,
  take: takeDigest,
  absorb: absorbDigest,
};

/** What a first level holds has to follow from what it was asked for last. */
function canDigest(
  parameters: CacheParameters,
  { vcpuCount }: Pick<TraceShape, 'vcpuCount'>,
): boolean {
  const { replacePolicy, writeAllocate, dataPrefetcher, classify, warmupRefs } = parameters;
  const { l1i, l1d } = parameters;
  const sets = requireCacheParameters(parameters);
  const ways = sets.L1D * l1d.ways + sets.L1I * (l1i?.ways ?? 0);
  return (
    replacePolicy === 'lru' &&
    writeAllocate &&
    dataPrefetcher === 'none' &&
    !classify &&
    warmupRefs === 0 &&
    ways * vcpuCount <= MOST_FIRST_WAYS
  );
}

function initDigester(
  parameters: CacheParameters,
  trace: Pick<TraceShape, 'vcpuCount' | 'insnBase' | 'code'>,
): CacheDigester {
  const first = { ...parameters, l2: undefined, ll: undefined };
  const state = createCacheState(first, trace, { index: 0, count: 1 }, (missCount) => {
    const { memory, places } = requireDefined(state.running, 'it is not harvested');
    const told = new Uint8Array(memory, places.columns.misses, missCount * MISS_BYTES);
    digester.misses.push(told.slice());
  });
  const digester: CacheDigester = { state, misses: [] };
  return digester;
}

function consumeDigester({ state }: CacheDigester, batch: AccessColumns): void {
  consumeCache(state, batch);
}

/** The state begins anew. */
function takeDigest(digester: CacheDigester): CacheDigest {
  const { state } = digester;
  const { kernel, memory, places } = requireDefined(state.running, 'it is not harvested');
  kernel.tellRest();
  const digest: CacheDigest = {
    misses: digester.misses,
    firstLevels: places.units.map(({ countsAt, tagsAt, tagCount }) => {
      const counts = new Float64Array(memory, countsAt, COUNT_LENGTH);
      const tags = new Uint8Array(memory, tagsAt, 8 * tagCount);
      const taken = { counts: counts.slice(), tags: tags.slice() };
      counts.fill(0);
      tags.fill(EMPTY_BYTE);
      return taken;
    }),
    totals: Float64Array.from(state.totals),
    instructions: state.instructions,
  };
  digester.misses = [];
  state.totals.fill(0);
  state.instructions = 0;
  return digest;
}

function absorbDigest(state: CacheState, digest: CacheDigest): void {
  const { kernel, memory, places } = requireDefined(state.running, 'it is not harvested');
  const { configAt, columns, spareTagsAt } = places;
  for (const misses of digest.misses) {
    new Uint8Array(memory).set(misses, columns.misses);
    kernel.absorb(configAt, misses.length / MISS_BYTES);
  }
  const firstLevels = places.units.filter(({ place }) => place >= 0);
  firstLevels.forEach(({ place, countsAt }, i) => {
    const { counts, tags } = digest.firstLevels[i];
    new Uint8Array(memory).set(tags, spareTagsAt);
    kernel.endChunk(configAt, place, spareTagsAt);
    const into = new Float64Array(memory, countsAt, COUNT_LENGTH);
    for (let kind = 0; kind < COUNT_LENGTH; kind++) into[kind] += counts[kind];
  });
  for (let place = 0; place < TOTAL_LENGTH; place++) state.totals[place] += digest.totals[place];
  state.instructions += digest.instructions;
}
