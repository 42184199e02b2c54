// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { type AccessColumns, type ShardedAnalysis, sharedMemory } from '../analysis/index.ts';
import { partedBytes } from './parted-bytes.ts';
import { createShardSplitter } from './shard-split.ts';

const ACCESSES = 16;
const RUNS = 800;
const MAPPINGS = 48;

const stretch: AccessColumns = {
  ...{ length: ACCESSES, firstOrdinal: 0, stream: 0, chunkIndex: 0, crossings: undefined },
  vaddr: new BigUint64Array(ACCESSES),
  size: new Uint8Array(ACCESSES),
  block: new Uint32Array(ACCESSES),
  runs: {
    ...{ length: RUNS, firstBlock: 0 },
    block: new Uint32Array(RUNS),
    executed: new Uint16Array(RUNS),
    vcpu: new Uint16Array(RUNS),
    icount: new BigUint64Array(RUNS),
    firstAccess: new Uint32Array(RUNS),
    continues: new Uint8Array(RUNS),
    shape: new Uint32Array(RUNS),
  },
  mappings: {
    length: MAPPINGS,
    kind: new Uint8Array(MAPPINGS),
    index: new Uint32Array(MAPPINGS),
    runIndex: new Uint32Array(MAPPINGS),
    vpage: new BigUint64Array(MAPPINGS),
    ppage: new BigUint64Array(MAPPINGS),
    attributes: new Uint16Array(MAPPINGS),
  },
};

const analysis: ShardedAnalysis<unknown, unknown, unknown> = {
  ...{ name: 'none', order: 'per-shard', columns: ['vaddr', 'size', 'block'], runs: true },
  mappings: true,
  init: () => undefined,
  consume: () => undefined,
  merge: () => undefined,
  finish: () => undefined,
  shardLimit: () => 8,
  shardMasks: (_parameters, { length }, shards, masks) => {
    for (let i = 0; i < length; i++) masks[i] = 1 << (i % shards);
  },
};

/** Of all columns, each once. */
function bytesOf(parts: readonly AccessColumns[]): number {
  const columns = parts
    .flatMap((part) => [part, part.runs ?? {}, part.mappings ?? {}])
    .flatMap(Object.values);
  const lengths = new Map<string, number>();
  for (const column of columns) {
    if (!ArrayBuffer.isView(column) || column.byteLength === 0) continue;
    lengths.set(`${column.byteOffset}`, column.byteLength);
  }
  return [...lengths.values()].reduce((sum, length) => sum + length, 0);
}

it.each([1, 2, 8])('a chunk takes what is said of it, in %i shards', (shards) => {
  const split = createShardSplitter(analysis, undefined, shards, sharedMemory());
  const chunk = { accessCount: ACCESSES, blockCount: RUNS, noteCount: MAPPINGS };
  const told = partedBytes(analysis, shards, chunk);
  expect(bytesOf(split(stretch))).toBe(told);
});
