// SPDX-License-Identifier: Apache-2.0
// Worker threads run what was built: `npm run build` before this.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TraceError } from '../base/index.ts';
import { openTrace } from './open-trace.node.ts';
import { decodeInWorkers } from './parallel.node.ts';
import { randomTrace } from './program.oracle.ts';
import { type AccessPlan, planAccesses } from './read-accesses.ts';
import { encodeTrace } from './reference-encoder.oracle.ts';
import { takeInventory } from './request.ts';

const WORKER = new URL('../../dist/format/decode.worker.node.js', import.meta.url);

describe('decoding in worker threads', () => {
  const { bytes, seen } = encodeTrace(
    randomTrace({ seed: 11, blockCount: 8, executions: 500, streams: 1, oddity: 0.3 }),
  );
  let folder = '';
  let file = '';
  let chunkIndexes: number[] = [];
  let plan: AccessPlan;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'parallel-'));
    file = path.join(folder, 'a.memtrace');
    await writeFile(file, bytes);
    const trace = await openTrace(file);
    chunkIndexes = trace.chunks.map(({ chunkIndex }) => chunkIndex);
    plan = planAccesses(
      { columns: ['vaddr', 'ordinal'], includeAborted: true },
      trace.capabilities,
      takeInventory(trace.header, trace.totals, trace.chunks),
    );
    await trace.close();
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it('gives the same accesses in the same order', async () => {
    expect(chunkIndexes.length).toBeGreaterThan(4);
    const found: bigint[] = [];
    for await (const batch of decodeInWorkers(file, chunkIndexes, plan, 3, undefined, WORKER)) {
      expect(batch.ordinal?.[0]).toBe(found.length);
      found.push(...(batch.vaddr ?? []));
    }
    expect(found).toEqual(seen.accesses.map(({ vaddr }) => vaddr));
  });

  it('passes failures on, and stops when the reader does', async () => {
    const missing = decodeInWorkers(path.join(folder, 'none'), [0], plan, 1, undefined, WORKER);
    const failure: unknown = await missing.next().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TraceError);
    expect(failure).toMatchObject({ kind: 'io' });
    const batches = decodeInWorkers(file, chunkIndexes, plan, 2, undefined, WORKER);
    expect((await batches.next()).done).toBe(false);
    await batches.return();
    expect((await batches.next()).done).toBe(true);
  });
});
