// SPDX-License-Identifier: Apache-2.0
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { byteSourceFromBytes, openTraceSource } from '../format/index.ts';
import { renderInfo } from './render/info.ts';
import { type TraceFacts, traceFactsOf } from './trace-facts.ts';

function section(kind: number, value: object): Buffer {
  const payload = Buffer.from(JSON.stringify(value));
  const header = Buffer.alloc(24);
  header.write('LSEC', 0, 'latin1');
  header.writeUInt16LE(kind, 4);
  header.writeUInt32LE(0xffff_ffff, 8);
  header.writeUInt32LE(payload.length, 12);
  header.writeUInt32LE(crc32(payload), 16);
  header.writeUInt32LE(crc32(header.subarray(0, 20)), 20);
  return Buffer.concat([header, payload]);
}

async function factsWith(totals: object): Promise<TraceFacts> {
  const begin = Buffer.from('MEMTRACE\u0001\0\0\0\0\0\0\0', 'latin1');
  const told = { cause: 'guest-exit', streams: [], vcpus: [], ...totals };
  const bytes = Buffer.concat([begin, section(1, { capabilities: {} }), section(4, told)]);
  return traceFactsOf(await openTraceSource(byteSourceFromBytes(new Uint8Array(bytes))));
}

describe('a trace that is still being written', () => {
  it('is not called cut', async () => {
    const facts = await factsWith({});
    const text = renderInfo({ ...facts, complete: false, recordedBy: 4711 });
    expect(text).toContain('still being recorded, by QEMU 4711');
    expect(text).not.toContain('INCOMPLETE');
  });
});

describe('user accesses', () => {
  it('are told where the trace knows the CPL', async () => {
    const facts = await factsWith({}); // of a recorder that does not
    expect(facts.totals.userAccesses).toBeNull();
    expect(renderInfo({ ...facts, recordedBy: null })).not.toContain('by user code');
    const known = { ...facts, totals: { ...facts.totals, userAccesses: 7 }, recordedBy: null };
    expect(renderInfo(known)).toMatch(/by user code +7 +\(CPL 3\)/);
  });
});

describe('gaps', () => {
  it('are told', async () => {
    const facts = await factsWith({ gaps: 2 });
    expect(facts.doubts).toEqual({ gaps: 2 });
    expect(renderInfo({ ...facts, recordedBy: null })).toMatch(/gaps +2 resumed after a pause/);
  });
});

describe('viewMismatches', () => {
  it('is a doubt when the located CPU state was wrong', async () => {
    const facts = await factsWith({ viewMismatches: 1234 });
    expect(facts.doubts).toEqual({ viewMismatches: 1234 });
    expect(renderInfo({ ...facts, recordedBy: null })).toMatch(/viewMismatches +1,234 times/);
  });

  it.each([{}, { viewMismatches: 0 }])('is not spoken of with %j', async (totals) => {
    const facts = await factsWith(totals);
    expect(facts.doubts).toEqual({});
    expect(renderInfo({ ...facts, recordedBy: null })).not.toContain('viewMismatches');
  });

  it('is a count, or the totals are damaged', async () => {
    expect((await factsWith({ viewMismatches: -1 })).cut?.reason).toContain('viewMismatches');
  });
});
