// SPDX-License-Identifier: Apache-2.0
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTrace } from '../format/index.ts';
import { createChunkCache } from './chunk-cache.node.ts';
import type { ChunkLane } from './chunk-lane.node.ts';
import { createDecodeQueue } from './decode-queue.ts';
import { CHUNKS_WORKER, type SmallTrace, writeSmallTrace } from './small-trace.oracle.ts';

const COLUMNS = [
  'vaddr',
  'paddr',
  'icount',
  'size',
  'flags',
  'block',
  'insn',
  'cpl',
  'vcpu',
] as const;

describe('decoded chunks', { timeout: 60_000 }, () => {
  let small: SmallTrace;
  beforeAll(async () => {
    small = await writeSmallTrace({
      seed: 5,
      executions: 300,
      streams: 1,
      oddity: 0.3,
      blockCount: 5,
    });
  }, 60_000);
  afterAll(async () => {
    await small.trace.close();
    await rm(small.folder, { recursive: true });
  });

  it('have all accesses of their chunk, and are held within the limit', async () => {
    const limitBytes = 4000;
    const cache = createChunkCache(small.trace, { workerUrl: CHUNKS_WORKER, limitBytes });
    const found: string[] = [];
    for (const { chunkIndex, firstOrdinal, accessCount } of small.trace.chunks) {
      const [own, again] = await Promise.all([
        cache.columns(chunkIndex, COLUMNS),
        cache.columns(chunkIndex, ['flags']),
      ]);
      expect(again.flags).toBe(own.flags);
      expect([own.firstOrdinal, own.length]).toEqual([firstOrdinal, accessCount]);
      for (let i = 0; i < own.length; i++) {
        const crossing = own.crossings?.index.indexOf(i) ?? -1;
        const flags = (own.flags?.[i] ?? 0) & 3;
        found.push(
          [own.vaddr, own.paddr, own.icount, own.size, own.block, own.insn, own.cpl, own.vcpu]
            .map((column) => column?.[i])
            .concat(flags, own.crossings?.paddr[crossing])
            .join(' '),
        );
      }
      const largest = 8 * accessCount;
      expect(cache.heldBytes).toBeLessThanOrEqual(Math.max(limitBytes, largest));
    }
    const wanted = small.seen.accesses.map((one) =>
      [one.vaddr, one.paddr, one.icount, one.size, one.block, one.insn, one.cpl, one.vcpu]
        .concat(Number(one.store) + 2 * Number(one.aborted))
        .concat(one.secondPaddr ?? [])
        .join(' '),
    );
    expect(found.map((row) => row.trimEnd())).toEqual(wanted);
    await cache.close();
  });

  it('are given back, and decoded again by a thread of their own', async () => {
    const cache = createChunkCache(small.trace, { workerUrl: CHUNKS_WORKER, workers: 1 });
    const chunkIndex = small.trace.chunks.findIndex(({ accessCount }) => accessCount > 0);
    const before = await cache.columns(chunkIndex, ['vaddr']);
    const heldBytes = 8 * before.length;
    expect(cache.heldBytes).toBe(heldBytes);
    await cache.release();
    expect(cache.heldBytes).toBe(0);
    expect(await cache.columns(chunkIndex, ['vaddr'])).toEqual(before);
    expect(cache.heldBytes).toBe(heldBytes);
    // What is being decoded meanwhile is not lost.
    const coming = cache.columns(chunkIndex, ['flags']);
    await Promise.resolve();
    await cache.release();
    await expect(coming).resolves.toMatchObject({ chunkIndex });
    await cache.close();
  });

  it('are refused when there is no such chunk, and when they are damaged', async () => {
    const bytes = small.bytes.slice();
    const [chunk] = small.trace.chunks.slice(1);
    const at = (chunk?.fileOffset ?? 0) + 24 + (chunk?.payloadBytes ?? 0) - 1;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    const file = path.join(small.folder, 'damaged.memtrace');
    await writeFile(file, bytes);
    const trace = await openTrace(file);
    const cache = createChunkCache(trace, { workerUrl: CHUNKS_WORKER, workers: 1 });
    await expect(cache.columns(1, ['flags'])).rejects.toMatchObject({ kind: 'checksum' });
    await expect(cache.columns(0, ['flags'])).resolves.toMatchObject({ chunkIndex: 0 });
    await expect(cache.columns(10_000, ['flags'])).rejects.toMatchObject({ kind: 'bad-argument' });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(cache.columns(0, ['vaddr'], signal)).rejects.toThrow('enough');
    await cache.close();
    await trace.close();
  });
});

it('what was asked for last is decoded first, and what nobody waits for is dropped', async () => {
  let free: () => void = () => undefined;
  let busy = 0;
  const lane: ChunkLane = {
    columns: async () => Promise.reject(new Error('not asked')),
    places: async () => Promise.reject(new Error('not asked')),
    waiting: () => busy,
    isBroken: () => false,
    stop: async () => undefined,
  };
  const queue = createDecodeQueue(1, () => lane);
  const order: number[] = [];
  const ask = (id: number): ReturnType<typeof queue.add<number>> =>
    queue.add(async () => {
      busy = 1;
      order.push(id);
      await new Promise<void>((resolve) => {
        free = resolve;
      });
      busy = 0;
      return id;
    });
  const first = ask(0);
  const stop = new AbortController();
  const stale = [1, 2, 3, 4].map((id) => ask(id));
  const given = stale.map(async ({ job, result }) =>
    queue.wait({ job, promise: result }, stop.signal).catch((error: unknown) => String(error)),
  );
  const wanted = ask(5);
  const answers = [first, wanted].map(async ({ job, result }) =>
    queue.wait({ job, promise: result }, undefined),
  );
  await Promise.resolve();
  stop.abort(new Error('late'));
  expect(await Promise.all(given)).toEqual(Array.from(given, () => 'Error: late'));
  const last = ask(6);
  const lastAnswer = queue.wait({ job: last.job, promise: last.result }, undefined);
  const dropped = await Promise.allSettled(stale.slice(0, 2).map(async ({ result }) => result));
  expect(dropped.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const ran = 5;
  for (let done = 0; done < ran; done++) {
    while (order.length <= done) await new Promise((resolve) => setTimeout(resolve, 1));
    free();
  }
  expect(await Promise.all([...answers, lastAnswer])).toEqual([0, 5, 6]);
  expect(order[0]).toBe(5);
  expect(order.toSorted((a, b) => a - b)).toEqual([0, 3, 4, 5, 6]);
  await queue.close();
});

it('a closed queue takes nothing, and starts no thread', async () => {
  let started = 0;
  const queue = createDecodeQueue(1, () => {
    started++;
    return {
      columns: async () => ({}),
      places: async () => Promise.reject(new Error('not asked')),
      waiting: () => 0,
      isBroken: () => true,
      stop: async () => undefined,
    };
  });
  await queue.close();
  const { job, result } = queue.add(async () => 1);
  await expect(queue.wait({ job, promise: result }, undefined)).rejects.toThrow('closed');
  expect(started).toBe(1);
});
