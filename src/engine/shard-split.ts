// SPDX-License-Identifier: Apache-2.0
// Parts a stretch by the shards of an ordered analysis, in memory that other threads can see.

import {
  type AccessColumns,
  copyStretch,
  createGatherer,
  type ShardedAnalysis,
  type SharedMemory,
} from '../analysis/index.ts';

/** One stretch for each shard. */
export type ShardSplitter = (stretch: AccessColumns) => readonly AccessColumns[];

export function createShardSplitter(
  analysis: ShardedAnalysis<unknown, unknown, unknown>,
  parameters: unknown,
  shardCount: number,
  memory: SharedMemory,
): ShardSplitter {
  const gatherer = createGatherer(memory);
  let masks = new Uint8Array(0);
  /** Rows of an even shard and of the odd one behind it. */
  let even = new Uint32Array(0);
  let odd = new Uint32Array(0);
  return (stretch) => {
    const { length } = stretch;
    if (shardCount === 1) return [copyStretch(keepNeeded(analysis, stretch), memory)];
    if (masks.length < length) {
      masks = new Uint8Array(length);
      even = new Uint32Array(length + 1);
      odd = new Uint32Array(length + 1);
    }
    analysis.shardMasks(parameters, stretch, shardCount, masks);
    const needed = keepNeeded(analysis, stretch);
    const parts: AccessColumns[] = [];
    for (let shard = 0; shard < shardCount; shard += 2) {
      const counts = choosePair(masks, length, shard, even, odd);
      const evenCount = counts % PAIR;
      const oddCount = (counts - evenCount) / PAIR;
      parts.push(gatherer.gather(needed, even.subarray(0, evenCount), needed.runs));
      parts.push(gatherer.gather(needed, odd.subarray(0, oddCount), needed.runs));
    }
    return parts;
  };
}

const PAIR = 2 ** 26;

/** Two shards in one walk over the masks; gives the numbers of their rows as even + PAIR * odd. */
function choosePair(
  masks: Uint8Array,
  length: number,
  shard: number,
  even: Uint32Array,
  odd: Uint32Array,
): number {
  let evenCount = 0;
  let oddCount = 0;
  for (let i = 0; i < length; i++) {
    const mask = (masks[i] ?? 0) >> shard;
    even[evenCount] = i;
    odd[oddCount] = i;
    evenCount += mask & 1;
    oddCount += (mask >> 1) & 1;
  }
  return evenCount + PAIR * oddCount;
}

/** Without the columns that only other analyses of the pass read. */
function keepNeeded(
  analysis: ShardedAnalysis<unknown, unknown, unknown>,
  stretch: AccessColumns,
): AccessColumns {
  const { length, firstOrdinal, stream, chunkIndex, runs, notes, mappings, crossings } = stretch;
  const columns = Object.fromEntries(analysis.columns.map((name) => [name, stretch[name]]));
  return {
    ...columns,
    ...{ length, firstOrdinal, stream, chunkIndex },
    ...(analysis.runs === true ? { runs } : {}),
    ...(analysis.notes === undefined ? {} : { notes }),
    ...(analysis.mappings === true ? { mappings } : {}),
    ...(analysis.columns.includes('paddr') ? { crossings } : {}),
  };
}
