// SPDX-License-Identifier: Apache-2.0
// What a chunk takes in shared memory once it is parted: see shard-split.ts.

import type { ShardedAnalysis } from '../analysis/index.ts';
import type { ChunkInfo } from '../format/index.ts';

export type PartedChunk = Pick<ChunkInfo, 'accessCount' | 'blockCount'>;

/** About: what concerns two shards is in both. Loops that access nothing make many more block executions than accesses. */
export function partedBytes(
  { columns, runs }: Pick<ShardedAnalysis<unknown, unknown, unknown>, 'columns' | 'runs'>,
  shards: number,
  { accessCount, blockCount }: PartedChunk,
): number {
  const accessBytes = columns.reduce(
    (sum, column) => sum + (COLUMN_BYTES[column] ?? WIDE_BYTES),
    0,
  );
  const runBytes = runs === true ? RUN_BYTES + RUN_SHARD_BYTES * shards : 0;
  return accessBytes * accessCount + runBytes * blockCount;
}

/** Of the columns that are narrower than 64 bits. */
const COLUMN_BYTES: Readonly<Record<string, number>> = {
  ...{ size: 1, flags: 1, cpl: 1, vcpu: 2, insn: 2, block: 4 },
};
const WIDE_BYTES = 8;
/** Of a block execution, and of its first access in each shard. */
const RUN_BYTES = 21;
const RUN_SHARD_BYTES = 4;
