// SPDX-License-Identifier: Apache-2.0
// What a chunk takes in shared memory once it is parted: see shard-split.ts.

import type { ShardedAnalysis } from '../analysis/index.ts';
import type { ChunkInfo } from '../format/index.ts';

export type PartedChunk = Pick<ChunkInfo, 'accessCount' | 'blockCount' | 'noteCount'>;

/** About: what concerns two shards is in both. Loops that access nothing make many more block executions than accesses. */
export function partedBytes(
  {
    columns,
    runs,
    mappings,
  }: Pick<ShardedAnalysis<unknown, unknown, unknown>, 'columns' | 'runs' | 'mappings'>,
  shards: number,
  { accessCount, blockCount, noteCount }: PartedChunk,
): number {
  const accessBytes = columns.reduce(
    (sum, column) => sum + (COLUMN_BYTES[column] ?? WIDE_BYTES),
    0,
  );
  const runBytes = runs === true ? RUN_BYTES + INDEX_BYTES * shards : 0;
  // Where there are many notes, most are mappings.
  const noteBytes = mappings === true ? MAPPING_BYTES + INDEX_BYTES * shards : 0;
  return accessBytes * accessCount + runBytes * blockCount + noteBytes * noteCount;
}

/** Of the columns that are narrower than 64 bits. */
const COLUMN_BYTES: Readonly<Record<string, number>> = {
  ...{ size: 1, flags: 1, cpl: 1, vcpu: 2, insn: 2, block: 4 },
};
const WIDE_BYTES = 8;
/** Of a block execution and of a mapping. */
const RUN_BYTES = 21;
const MAPPING_BYTES = 23;
/** Where either stands, in each shard. */
const INDEX_BYTES = 4;
