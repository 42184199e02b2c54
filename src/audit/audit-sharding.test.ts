// SPDX-License-Identifier: Apache-2.0
// Chunks may be shared out anyhow: the parts come to the same. Worker threads run what was built.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TraceError } from '../base/index.ts';
import { shapeOfTrace } from '../engine/index.ts';
import { openTrace } from '../format/index.ts';
import type { RefItem } from '../format/reference-trace.oracle.ts';
import { auditOpenTrace } from './audit-trace.ts';
import { instructionAudit } from './instruction-audit.ts';
import { block, bytesOfTrace, openItems, run } from './small-trace.oracle.ts';

const BLOCKS = [
  block(['55', '488b4708', 'c3'], { vaddr: 0x1000n }),
  block(['90', 'f348a5'], { vaddr: 0x2000n }),
  block(['f3aa'], { vaddr: 0x3000n }),
  block(['8ed8', '0f1007'], { vaddr: 0x4000n }),
];

/** Executions right and wrong, suspended and faulted ones, other vCPUs, ends of chunks. */
const ITEMS: readonly RefItem[] = [
  run(0, ['0 S8 7ff8', '1 L8 5008', '2 L8 7ff8']),
  run(0, ['0 S8 7ff8', '1 L8 5008', '2 L8 7ff0']),
  run(0, ['0 S8 7ff8', '2 L8 7ff8']),
  run(0, ['0 S8 7ff8'], { executed: 1 }),
  run(0, ['0 S8 7ff8', '1 L8 5000'], { executed: 1, aborted: 1 }),
  run(1, ['1 L8 5000', '1 S8 6000', '1 L8 5008', '1 S8 6008']),
  run(1, ['1 L8 5000', '1 S8 6000', '1 L8 5010', '1 S8 6008']),
  run(1, []),
  run(2, ['0 S1 5000', '0 S1 5001']),
  run(2, ['0 S1 5000'], { executed: 0, cause: 4 }),
  run(3, ['1 L8 5000', '1 L8 5008']),
  run(3, ['0 L4 9008', '0 L4 900c', '0 S4 900c', '1 L16 5000']),
  { type: 'vcpu', vcpu: 1 },
  { type: 'vcpu', vcpu: 0 },
  { type: 'seal' },
];

it('split anywhere and merged, the parts come to the same', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...ITEMS), { minLength: 1, maxLength: 60 }),
      fc.array(fc.nat(2), { minLength: 20, maxLength: 20 }),
      async (items, shares) => {
        const trace = await openItems(BLOCKS, [...items, { type: 'seal' }, run(0, [])]);
        const whole = await auditOpenTrace(trace);
        const shape = shapeOfTrace(trace);
        const states = [0, 1, 2].map(() =>
          instructionAudit.init({}, shape, { index: 0, count: 1 }),
        );
        for (const { chunkIndex } of trace.chunks) {
          const state = states[shares[chunkIndex % shares.length] ?? 0];
          const { columns } = instructionAudit;
          for await (const batch of trace.slices({ columns, runs: true, chunks: [chunkIndex] })) {
            if (state !== undefined) instructionAudit.consume(state, batch);
          }
        }
        // As threads send them.
        const parts = states.flatMap((state) =>
          structuredClone(instructionAudit.harvest?.(state) ?? []),
        );
        const total = parts.reduce((a, b) => instructionAudit.merge(b, a));
        expect(parts).toHaveLength(3);
        expect(instructionAudit.finish(total, shape)).toEqual(whole);
        expect(whole.executions).toBe(trace.summary().instructions);
        expect(whole.accesses).toBe(trace.summary().accesses);
      },
    ),
    { numRuns: 60 },
  );
});

it('worker threads come to the same, tell how far they are, pass failures on and can be stopped', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'audit-'));
  const file = path.join(folder, 'a.memtrace');
  const moduleUrl = new URL('../../dist/audit/audit.worker.js', import.meta.url);
  const workerUrl = new URL('../../dist/engine/analysis.worker.node.js', import.meta.url);
  const items = Array.from({ length: 40 }, () => ITEMS).flat();
  try {
    await writeFile(file, bytesOfTrace(BLOCKS, items));
    const trace = await openTrace(file);
    const whole = await auditOpenTrace(trace);
    expect(trace.chunks.length).toBe(40);
    const progress: number[] = [];
    const inWorkers = async (options: object): Promise<unknown> =>
      auditOpenTrace(trace, { workers: 3, workerUrl, ...options }, moduleUrl);
    const onProgress = (part: number): void => void progress.push(part);
    expect(await inWorkers({ onProgress })).toEqual(whole);
    expect(progress).toHaveLength(40);
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));

    const controller = new AbortController();
    const stopped = inWorkers({
      signal: controller.signal,
      onProgress: () => {
        controller.abort(new Error('enough'));
      },
    });
    await expect(stopped).rejects.toThrow('enough');

    const { payloadBytes, fileOffset } = trace.chunks[20] ?? { payloadBytes: 0, fileOffset: 0 };
    const bytes = bytesOfTrace(BLOCKS, items);
    bytes.set([0xff], fileOffset + 24 + Math.floor(payloadBytes / 2));
    await writeFile(file, bytes);
    const failure: unknown = await inWorkers({}).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TraceError);
    expect(failure).toMatchObject({ kind: 'checksum' });
    await trace.close();
  } finally {
    await rm(folder, { recursive: true });
  }
}, 60_000);
