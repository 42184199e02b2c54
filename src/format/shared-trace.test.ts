// SPDX-License-Identifier: Apache-2.0
// A trace that another thread has open: what it is told must do, whatever has become of the file's structure since.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSharedTrace, openTrace } from './open-trace.node.ts';
import { randomTrace } from './program.oracle.ts';
import { encodeTrace } from './reference-encoder.oracle.ts';
import type { Trace } from './trace.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'shared-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function read(trace: Trace): Promise<unknown[]> {
  const found: unknown[] = [];
  const columns = ['vaddr', 'paddr', 'pc', 'block', 'insn', 'icount'] as const;
  for await (const { vaddr, paddr, pc, block, insn, icount } of trace.accesses({ columns })) {
    found.push([vaddr, paddr, pc, block, insn, icount].map((column) => [...(column ?? [])]));
  }
  return found;
}

it('is the same trace, though only its chunks are read again', async () => {
  const { bytes } = encodeTrace(
    randomTrace({ seed: 11, blockCount: 9, executions: 600, streams: 2, oddity: 0.2 }),
  );
  const file = path.join(folder, 'a.memtrace');
  await writeFile(file, bytes);
  const trace = await openTrace(file);
  const shared = structuredClone(trace.share());
  for (const { raw, entryAt } of shared.code) {
    expect([raw.buffer, entryAt.buffer].every((one) => one instanceof SharedArrayBuffer)).toBe(
      true,
    );
  }
  const wanted = await read(trace);
  // No survey would get beyond this.
  await writeFile(file, bytes.with(0, 0));
  const other = await openSharedTrace(shared);
  expect(await read(other)).toEqual(wanted);
  expect(wanted.length).toBeGreaterThan(0);
  expect([other.header, other.totals, other.chunks, other.complete]).toEqual([
    trace.header,
    trace.totals,
    trace.chunks,
    trace.complete,
  ]);
  for (let id = 0; id < trace.code.blockCount; id++) {
    expect(other.code.bytes(id)).toEqual(trace.code.bytes(id));
    expect(other.code.insnOffsets(id)).toEqual(trace.code.insnOffsets(id));
  }
  await trace.close();
  await other.close();
});
