// SPDX-License-Identifier: Apache-2.0
// A trace with a damaged chunk: its index has everything else, and says what it does not know.
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireDefined } from '../base/index.ts';
import { type ChunkInfo, openTrace, type Trace } from '../format/index.ts';
import { buildViewIndex } from './build.node.ts';
import { createChunkCache } from './chunk-cache.node.ts';
import type { ChunkCache } from './chunk-cache.ts';
import { isDamage } from './damage.ts';
import { openViewIndex } from './open.node.ts';
import {
  BUILD_WORKER,
  CHUNKS_WORKER,
  countTile,
  partsOf,
  type SmallTrace,
  sumOf,
  writeSmallTrace,
} from './small-trace.oracle.ts';
import type { OrdinalRange, TileQuery, ViewIndex } from './view-index.ts';

describe('a damaged chunk', { timeout: 60_000 }, () => {
  let small: SmallTrace;
  let trace: Trace;
  let chunk: ChunkInfo;
  let chunks: ChunkCache;
  let index: ViewIndex;
  let damage: unknown;
  beforeAll(async () => {
    small = await writeSmallTrace({
      ...{ seed: 21, executions: 700, streams: 1, oddity: 0.05, blockCount: 11 },
    });
    const held = small.trace.chunks.filter(({ accessCount }) => accessCount > 0);
    chunk = requireDefined(held[held.length >> 1], 'it has several');
    const copy = path.join(small.folder, 'damaged.memtrace');
    await copyFile(small.file, copy);
    const bytes = await readFile(copy);
    const at = chunk.fileOffset + Math.floor(chunk.payloadBytes / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 0x40;
    await writeFile(copy, bytes);
    trace = await openTrace(copy);
    const file = path.join(small.folder, 'damaged.view');
    await buildViewIndex(trace, file, { workerUrl: BUILD_WORKER });
    chunks = createChunkCache(trace, { workerUrl: CHUNKS_WORKER });
    damage = await chunks.columns(chunk.chunkIndex, ['flags']).catch((error: unknown) => error);
    index = requireDefined(await openViewIndex(file, trace, chunks), 'it was just made');
  }, 60_000);
  afterAll(async () => {
    await index.close();
    await chunks.close();
    await trace.close();
    await small.trace.close();
    await rm(small.folder, { recursive: true });
  });

  const stretch = (): OrdinalRange => ({
    from: chunk.firstOrdinal,
    to: chunk.firstOrdinal + chunk.accessCount,
  });
  const queryOf = (from: number, to: number): TileQuery => ({
    ...{ space: 'virtual', stream: 0, from, to, columns: 1, rows: 1 },
    ...{ low: 0, high: index.pages.virtual?.count ?? 1 },
  });

  it('is told of, with where it is and what is wrong', () => {
    expect(isDamage(damage)).toBe(true);
    const why: unknown = expect.stringContaining('damaged.memtrace');
    const { chunkIndex } = chunk;
    expect(index.damaged).toEqual([{ ...stretch(), chunkIndex, stream: 0, why }]);
  });

  it('is in no tile, and all else is', async () => {
    const { from, to } = stretch();
    const end = small.seen.accesses.length;
    const others = partsOf(
      small.seen.accesses.filter(({ ordinal }) => ordinal < from || ordinal >= to),
      'virtual',
    );
    const pages = index.pages.virtual;
    if (pages === null) throw new Error('it has virtual addresses');
    const axis = Array.from({ length: pages.count }, (_, rank) => {
      const { lo, hi } = pages.addressOf(rank);
      return ((BigInt(hi) << 32n) | BigInt(lo)) >> 12n;
    });
    for (const query of [queryOf(0, end), queryOf(0, from), queryOf(to, end), queryOf(from, to)]) {
      const wanted = countTile(others, axis, query);
      const tile = await index.tile(query);
      expect([...tile.loads, ...tile.stores]).toEqual([...wanted.loads, ...wanted.stores]);
    }
    expect(sumOf((await index.tile(queryOf(from, to))).loads)).toBe(0);
  });

  it.each(['forward', 'backward'] as const)('may have touched any page, %s', async (direction) => {
    const found: OrdinalRange[] = [];
    const query = {
      space: 'virtual',
      stream: 0,
      from: 0,
      to: 2 ** 40,
      rank: 0,
      direction,
    } as const;
    for await (const range of index.touched(query)) found.push(range);
    expect(found).toContainEqual(stretch());
    const begins = found.map(({ from }) => from);
    const sorted = begins.toSorted((a, b) => (direction === 'forward' ? a - b : b - a));
    expect(begins).toEqual(sorted);
  });
});
