// SPDX-License-Identifier: Apache-2.0
// What a scanning thread fails with. Threads run what was built: `npm run build` before this.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TraceError } from '../base/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import { NO_FUNCTIONS } from './function-words.ts';
import { NOT_YET, type ScanRequest, startScan } from './scan.ts';

const { bytes } = encodeTrace(
  randomTrace({ seed: 3, blockCount: 4, executions: 100, streams: 1, oddity: 0 }),
);

const WORKER_URL = new URL('../../dist/store/scan.worker.js', import.meta.url);

describe('a scanning thread', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'scan-'));
    await writeFile(path.join(folder, 'a.memtrace'), bytes);
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  /** What the scan ends with. */
  async function failureOf(request: Pick<ScanRequest, 'path' | 'columns'>): Promise<unknown> {
    const scan = startScan({
      ...request,
      chunks: [{ stream: 0, firstOrdinal: 0, endOrdinal: 10 }],
      bounds: [],
      selected: undefined,
      functions: NO_FUNCTIONS,
      threads: 1,
      workerUrl: WORKER_URL,
    });
    try {
      scan.next();
      return undefined;
    } catch (error) {
      return error;
    } finally {
      await scan.stop();
    }
  }

  it('tells of a trace that cannot be read, and why', async () => {
    const error = await failureOf({ path: path.join(folder, 'none'), columns: [] });
    expect(error).toBeInstanceOf(TraceError);
    expect(error).toMatchObject({ kind: 'io' });
    expect(String(error)).toContain('ENOENT');
  });

  it('tells a bug as one, with the place where it happened', async () => {
    // A column that does not say what it needs of the reader.
    const columns = [{ name: 'vaddr', kind: 'u64', needs: [] }] as const;
    const error = await failureOf({ path: path.join(folder, 'a.memtrace'), columns });
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(TraceError);
    expect(error instanceof Error && error.stack).toContain('pack-columns');
  });

  it('is waited for no longer than is said, and its chunks are taken by and by', async () => {
    const range = { stream: 0, firstOrdinal: 0, endOrdinal: 10 };
    const scan = startScan({
      ...{ path: path.join(folder, 'a.memtrace'), bounds: [], selected: undefined },
      columns: [{ name: 'size', kind: 'u8', needs: ['size'] }],
      chunks: [range, { ...range, endOrdinal: 20 }],
      functions: NO_FUNCTIONS,
      threads: 1,
      workerUrl: WORKER_URL,
    });
    const rowsBefore = (endChunk: number): number => {
      let rows = 0;
      for (let next = scan.nextWithin(5, endChunk); next !== undefined; ) {
        if (next !== NOT_YET) rows += next.rowCount;
        next = scan.nextWithin(5, endChunk);
      }
      return rows;
    };
    try {
      expect(scan.nextWithin(0, 1)).toBe(NOT_YET); // it has not started yet
      expect(scan.nextWithin(0, 0)).toBeUndefined();
      const first = rowsBefore(1);
      expect([scan.chunksDone(), scan.progress()]).toEqual([1, 0.5]);
      expect(first).toBeGreaterThan(0);
      expect(rowsBefore(2)).toBeGreaterThan(first);
      expect(scan.next()).toBeUndefined();
    } finally {
      await scan.stop();
    }
  });
});
