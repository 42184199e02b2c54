// SPDX-License-Identifier: Apache-2.0
// Cut, damaged and odd files: what is good stays readable, what is not is said.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TraceError } from '../base/index.ts';
import type { ColumnName } from './access-batch.ts';
import { byteSourceFromBytes } from './byte-source.ts';
import { checkTrace } from './check-trace.node.ts';
import { checkTraceSource } from './check-trace.ts';
import { openTrace } from './open-trace.node.ts';
import { randomTrace } from './program.oracle.ts';
import { type EncodeOptions, encodeTrace } from './reference-encoder.oracle.ts';
import { repairTrace } from './repair-trace.node.ts';
import { openTraceSource, type Trace } from './trace.ts';

const PROGRAM = randomTrace({ seed: 7, blockCount: 4, executions: 24, streams: 1, oddity: 0.4 });

/** Three chunks. */
const SMALL = encodeTrace({
  blocks: PROGRAM.blocks,
  streams: PROGRAM.streams.map((items) => [
    ...items.slice(0, 12),
    { type: 'seal' },
    ...items.slice(12, 20),
    { type: 'seal' },
    ...items.slice(20),
  ]),
});

function openBytes(bytes: Uint8Array<ArrayBuffer>): Promise<Trace> {
  return openTraceSource(byteSourceFromBytes(bytes));
}

async function countAccesses(trace: Trace): Promise<number> {
  let count = 0;
  for await (const batch of trace.accesses({ includeAborted: true })) count += batch.length;
  return count;
}

async function failure(promise: Promise<unknown>): Promise<TraceError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TraceError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a file cut at every byte', () => {
  const headerEnd = 40 + new DataView(SMALL.bytes.buffer).getUint32(16 + 12, true);

  it('is refused while its header is not whole', async () => {
    for (let end = 0; end < headerEnd; end++) {
      expect((await failure(openBytes(SMALL.bytes.slice(0, end)))).kind).toBe('truncated');
    }
  });

  it('opens with every whole chunk and says where it ends', { timeout: 60_000 }, async () => {
    const whole = await openBytes(SMALL.bytes);
    expect(whole.chunks.length).toBeGreaterThan(1);
    let decodedChunks = -1;
    for (let end = headerEnd; end < SMALL.bytes.length; end++) {
      const cut = SMALL.bytes.slice(0, end);
      const trace = await openBytes(cut);
      const good = whole.chunks.filter(
        ({ fileOffset, payloadBytes }) => fileOffset + 24 + payloadBytes <= end,
      );
      expect(trace.complete).toBe(false);
      expect(trace.cut?.kind).toBe('truncated');
      expect(trace.cut?.fileOffset).toBeLessThanOrEqual(end);
      expect(trace.chunks).toEqual(good);
      // What is decoded depends only on which chunks are whole.
      if (good.length === decodedChunks) continue;
      decodedChunks = good.length;
      expect(await countAccesses(trace)).toBe(
        good.reduce((sum, { accessCount }) => sum + accessCount, 0),
      );
    }
  });
});

describe('kinds of damage', () => {
  const damaged = (at: number, value: number): Uint8Array<ArrayBuffer> => {
    const bytes = SMALL.bytes.slice();
    bytes[at] = value;
    return bytes;
  };

  it('tells what is not a trace, newer, empty or cut in its first bytes', async () => {
    const kindOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
      (await failure(openBytes(bytes))).kind;
    expect(await kindOf(damaged(0, 0x7f))).toBe('not-a-trace');
    expect(await kindOf(damaged(8, 4))).toBe('newer-format');
    expect(await kindOf(damaged(12, 1))).toBe('corrupt');
    expect(await kindOf(new Uint8Array(0))).toBe('truncated');
    expect(await kindOf(damaged(41, 0))).toBe('checksum');
  });

  it('names the chunk and the checksums when its bytes differ', async () => {
    const whole = await openBytes(SMALL.bytes);
    const chunk = whole.chunks[1];
    if (chunk === undefined) throw new Error('two chunks are needed');
    const at = chunk.fileOffset + 24 + chunk.payloadBytes - 1;
    const trace = await openBytes(damaged(at, (SMALL.bytes[at] ?? 0) ^ 1));
    expect(trace.complete).toBe(true);
    const error = await failure(countAccesses(trace));
    expect(error.kind).toBe('checksum');
    expect(error.facts.blockIndex).toBe(chunk.sectionIndex);
    expect(error.facts.expected).toMatch(/^0x[0-9a-f]{8}$/);
    expect(error.facts.remedy).toContain('repair');
  });

  it('in addresses, with a checksum that agrees, is found by those who ask for addresses', async () => {
    const accesses = [{ insn: 0, store: true, sizeLog2: 3, vaddr: 0x1234_5678n }];
    const { bytes } = encodeTrace({
      blocks: [{ vaddr: 0x40_0000n, mode: 0x8000, lastRep: false, insnLengths: [3] }],
      streams: [[{ type: 'block', id: 0, accesses }]],
    });
    const [chunk] = (await openBytes(bytes)).chunks;
    if (chunk === undefined) throw new Error('no chunk');
    const payloadAt = chunk.fileOffset + 24;
    const view = new DataView(bytes.buffer, payloadAt, chunk.payloadBytes);
    const sizesAt = 104 + 32 * view.getUint32(96, true);
    let codeAt = sizesAt + 11 * 8;
    for (let stream = 0; stream < 5; stream++)
      codeAt += view.getUint32(sizesAt + 8 * stream + 4, true);
    // No access code.
    view.setUint8(codeAt, 7);
    const header = new DataView(bytes.buffer, chunk.fileOffset, 24);
    header.setUint32(16, crc32(bytes.subarray(payloadAt, payloadAt + chunk.payloadBytes)), true);
    header.setUint32(20, crc32(bytes.subarray(chunk.fileOffset, chunk.fileOffset + 20)), true);
    const trace = await openBytes(bytes);
    const read = async (columns: readonly ColumnName[]): Promise<number> => {
      let count = 0;
      for await (const batch of trace.accesses({ columns })) count += batch.length;
      return count;
    };
    expect(await read(['flags', 'size', 'pc'])).toBe(1);
    for (const name of ['vaddr', 'paddr'] as const) {
      expect((await failure(read([name]))).message).toContain('an unknown access code');
    }
    const { problems } = await checkTraceSource(byteSourceFromBytes(bytes));
    expect(problems[0]?.message).toContain('an unknown access code');
  });

  it('is found by a check, which goes on behind it', async () => {
    const clean = await checkTraceSource(byteSourceFromBytes(SMALL.bytes));
    expect(clean.problems).toEqual([]);
    expect(clean).toMatchObject({ ok: true, complete: true, accesses: SMALL.seen.accesses.length });
    expect(clean.instructions).toBe(SMALL.seen.instructions);
    const whole = await openBytes(SMALL.bytes);
    const at = (whole.chunks[0]?.fileOffset ?? 0) + 24 + (whole.chunks[0]?.payloadBytes ?? 0) - 1;
    const result = await checkTraceSource(
      byteSourceFromBytes(damaged(at, (SMALL.bytes[at] ?? 0) ^ 4)),
    );
    expect(result.ok).toBe(false);
    expect(result.problems[0]).toMatchObject({
      kind: 'checksum',
      section: whole.chunks[0]?.sectionIndex,
    });
    const others = whole.chunks.slice(1).reduce((sum, chunk) => sum + chunk.accessCount, 0);
    expect(result.accesses).toBe(others);
  });

  it('is not thrown by a check of something else', async () => {
    const result = await checkTraceSource(byteSourceFromBytes(new Uint8Array(100)));
    expect(result.ok).toBe(false);
    expect(result.problems.map(({ kind }) => kind)).toEqual(['not-a-trace']);
  });
});

describe('a check', () => {
  const twoStreams = randomTrace({
    ...{ seed: 5, blockCount: 4, executions: 40, streams: 2, oddity: 0.3 },
  });
  const check = async (changeTotals: EncodeOptions['changeTotals']): Promise<string[]> => {
    const { bytes } = encodeTrace(twoStreams, changeTotals === undefined ? {} : { changeTotals });
    const { problems } = await checkTraceSource(byteSourceFromBytes(bytes));
    for (const { kind } of problems) expect(kind).toBe('count-mismatch');
    return problems.map(({ message }) => message);
  };

  it('finds streams that the totals leave out, and streams that are not there', async () => {
    expect(await check(undefined)).toEqual([]);
    const all = await check((totals) => ({ ...totals, streams: [] }));
    expect(all).toHaveLength(2);
    expect(all[1]).toContain('stream 1: the totals do not name it');
    const one = await check((totals) => ({ ...totals, streams: totals.streams.slice(1) }));
    expect(one).toHaveLength(1);
    expect(one[0]).toMatch(/^stream 0: the totals do not name it, decoded \d+ records$/);
    const more = await check(({ streams, ...totals }) => ({
      ...totals,
      streams: [...streams, ...streams.slice(1).map((told) => ({ ...told, stream: 7 }))],
    }));
    expect(more[0]).toMatch(/^stream 7: totals say \d+ captured, decoded 0$/);
  });

  it('compares the instructions of each vCPU', async () => {
    const wrong = await check(({ vcpus, ...totals }) => ({
      ...totals,
      vcpus: vcpus.map((told) => ({ ...told, instructions: told.instructions + told.vcpu })),
    }));
    expect(wrong[0]).toMatch(/^vCPU 1: totals say \d+ instructions, decoded \d+$/);
    const missing = await check(({ vcpus, ...totals }) => ({ ...totals, vcpus: vcpus.slice(1) }));
    expect(missing).toHaveLength(1);
    expect(missing[0]).toMatch(/^vCPU \d: totals say 0 instructions, decoded \d+$/);
    // A recorder that does not tell them has told nothing wrong.
    expect(await check((totals) => ({ ...totals, vcpus: [] }))).toEqual([]);
  });

  it.each(['io', 'limit'] as const)('throws %s, which is not about the file', async (kind) => {
    const source = byteSourceFromBytes(SMALL.bytes);
    const refusing = { ...source, read: () => Promise.reject(new TraceError(kind, 'enough')) };
    expect((await failure(checkTraceSource(refusing))).kind).toBe(kind);
  });
});

describe('repair', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'repair-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it('closes what is good of a cut file', async () => {
    const whole = await openBytes(SMALL.bytes);
    const last = whole.chunks.at(-1);
    if (last === undefined) throw new Error('no chunk');
    const cut = path.join(folder, 'cut.memtrace');
    const out = path.join(folder, 'out.memtrace');
    await writeFile(cut, SMALL.bytes.slice(0, last.fileOffset + 30));
    const result = await repairTrace(cut, out);
    expect(result).toMatchObject({
      lostBytes: 30,
      goodBytes: last.fileOffset,
      keptChunks: whole.chunks.length - 1,
      keptAccesses: last.firstOrdinal,
      hasTotals: false,
    });
    const checked = await checkTrace(out);
    expect(checked.problems).toEqual([]);
    expect(checked).toMatchObject({ ok: true, complete: true, accesses: last.firstOrdinal });
    const trace = await openTrace(out);
    expect(trace).toMatchObject({ complete: true, totals: undefined, path: out });
    await trace.close();
    expect((await failure(repairTrace(cut, out))).kind).toBe('io');
  });

  it('keeps a good file as it is', async () => {
    const file = path.join(folder, 'good.memtrace');
    const out = path.join(folder, 'same.memtrace');
    await writeFile(file, SMALL.bytes);
    expect(await repairTrace(file, out)).toMatchObject({
      lostBytes: 0,
      hasTotals: true,
      reason: undefined,
    });
    expect(new Uint8Array(await readFile(out))).toEqual(SMALL.bytes);
  });
});
