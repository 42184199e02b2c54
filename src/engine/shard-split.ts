// SPDX-License-Identifier: Apache-2.0
// Parts a stretch by the shards of an ordered analysis, in memory that other threads can see.

import {
  type AccessColumns,
  createGatherer,
  type ShardedAnalysis,
  sharedMemory,
} from '../analysis/index.ts';

/** One stretch for each shard. */
export type ShardSplitter = (stretch: AccessColumns) => readonly AccessColumns[];

export function createShardSplitter(
  analysis: ShardedAnalysis<unknown, unknown, unknown>,
  parameters: unknown,
  shardCount: number,
): ShardSplitter {
  const gatherer = createGatherer(sharedMemory());
  let masks = new Uint8Array(0);
  let chosen = new Uint32Array(0);
  return (stretch) => {
    const { length } = stretch;
    if (masks.length < length) {
      masks = new Uint8Array(length);
      chosen = new Uint32Array(length);
    }
    if (shardCount === 1) masks.fill(1, 0, length);
    else analysis.shardMasks(parameters, stretch, shardCount, masks);
    const needed = keepNeeded(analysis, stretch);
    return Array.from({ length: shardCount }, (_, shard) => {
      const count = choose(masks, length, shard, chosen);
      return gatherer.gather(needed, chosen.subarray(0, count), needed.runs);
    });
  };
}

function choose(masks: Uint8Array, length: number, shard: number, chosen: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < length; i++) {
    chosen[count] = i;
    count += ((masks[i] ?? 0) >> shard) & 1;
  }
  return count;
}

/** Without the columns that only other analyses of the pass read. */
function keepNeeded(
  analysis: ShardedAnalysis<unknown, unknown, unknown>,
  stretch: AccessColumns,
): AccessColumns {
  const { length, firstOrdinal, stream, chunkIndex, runs, notes, crossings } = stretch;
  const columns = Object.fromEntries(analysis.columns.map((name) => [name, stretch[name]]));
  return {
    ...columns,
    ...{ length, firstOrdinal, stream, chunkIndex },
    ...(analysis.runs === true ? { runs } : {}),
    ...(analysis.notes === undefined ? {} : { notes }),
    ...(analysis.columns.includes('paddr') ? { crossings } : {}),
  };
}
