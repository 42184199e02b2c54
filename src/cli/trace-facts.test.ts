// SPDX-License-Identifier: Apache-2.0
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { byteSourceFromBytes, openTraceSource } from '../format/index.ts';
import { describeNotHeld, type TraceFacts, traceFactsOf } from '../query/index.ts';
import { renderInfo } from './render/info.ts';
import { nameInstruction } from './render/trace-facts.ts';

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

async function factsWith(totals: object, plugin: object = {}): Promise<TraceFacts> {
  const begin = Buffer.from('MEMTRACE\u0001\0\0\0\0\0\0\0', 'latin1');
  const told = { cause: 'guest-exit', streams: [], vcpus: [], ...totals };
  const bytes = Buffer.concat([begin, section(1, { plugin, capabilities: {} }), section(4, told)]);
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
    expect(renderInfo({ ...facts, recordedBy: null })).toMatch(/gaps +2 pauses of the recording/);
  });
});

describe('viewMismatches', () => {
  it('is a doubt when the located CPU state was wrong', async () => {
    const facts = await factsWith({ viewMismatches: 1234 });
    expect(facts.doubts).toEqual({ viewMismatches: 1234 });
    expect(renderInfo({ ...facts, recordedBy: null })).toMatch(/CPU state +1,234 times/);
  });

  it.each([{}, { viewMismatches: 0 }])('is not spoken of with %j', async (totals) => {
    const facts = await factsWith(totals);
    expect(facts.doubts).toEqual({});
    expect(renderInfo({ ...facts, recordedBy: null })).not.toContain('CPU state');
  });

  it('is a count, or the totals are damaged', async () => {
    expect((await factsWith({ viewMismatches: -1 })).cut?.reason).toContain('viewMismatches');
  });
});

describe('events without a delivery in the trace', () => {
  const counts = [
    ...['stream', 'captured', 'encoded', 'written', 'accesses', 'blocks', 'instructions', 'loads'],
    ...['stores', 'aborted', 'events', 'words', 'waits', 'unknownPaddr', 'mapChecks'],
    ...['mapMismatches', 'strays', 'aliasedBlocks', 'cutBlocks', 'unresolvedCuts'],
  ];
  const doubtsWith = async (later: object): Promise<object> => {
    const stream = { ...Object.fromEntries(counts.map((name) => [name, 0])), ...later };
    return (await factsWith({ streams: [stream] })).doubts;
  };

  it('are a doubt when they were lost, not when they have none', async () => {
    expect(await doubtsWith({ missingDeliveries: 0, apartEvents: 2 })).toEqual({});
    const lost = await doubtsWith({ missingDeliveries: 3, apartEvents: 2 });
    expect(lost).toEqual({ missingDeliveries: 3 });
  });

  it('may be either in an older trace, which says so', async () => {
    const doubts = await doubtsWith({ missingDeliveries: 2 });
    expect(doubts).toEqual({ missingOrApart: 2 });
    const facts = { ...(await factsWith({})), doubts: { missingOrApart: 2 }, recordedBy: null };
    expect(renderInfo(facts)).toMatch(
      / {2}no deliveries +2 events without memory accesses: of SMM/,
    );
  });
});

describe('doubts', () => {
  it('are told in words', async () => {
    const facts = await factsWith({});
    const doubts = { missingDeliveries: 2, unresolvedCuts: 1 };
    const text = renderInfo({ ...facts, doubts, recordedBy: null });
    expect(text).toMatch(/ {2}lost deliveries +2 events whose memory accesses/);
    expect(text).toMatch(/ {2}cut blocks +1 block that ended early/);
    expect(text).not.toMatch(/[a-z][A-Z][a-z]+ {2}/);
  });
});

describe('what QEMU accesses by physical addresses', () => {
  it.each([
    ['state save', /SMM and nested guests/],
    ['permission maps', /in, out, rdmsr and wrmsr of a nested guest/],
    ['dma', /devices/],
  ])('is told of each trace: %s', async (name, text) => {
    const row = describeNotHeld(await factsWith({})).find((each) => each.name === name);
    expect(row?.text).toMatch(text);
  });
});

describe('what the MMU reads', () => {
  it.each([
    ['partial', 'in part: its reads of page tables are not recorded'],
    ['no', "the MMU's reads of page tables"],
  ] as const)('is told in one row, with page walks recorded: %s', async (status, text) => {
    const facts = await factsWith({});
    const why = 'its reads of page tables are not recorded';
    const capabilities = { ...facts.capabilities, 'page-walk': { status, why } };
    const rows = describeNotHeld({ ...facts, capabilities });
    expect(rows.filter((row) => /page.walks?$/.test(row.name)).at(-1)?.text).toBe(text);
    const reads = rows.filter((row) => row.text.includes('reads of page tables'));
    expect(reads).toHaveLength(status === 'partial' ? 1 : 2);
  });
});

describe('an instruction', () => {
  it.each([
    ['(event delivery)', '(event delivery)', '(event delivery)'],
    ['rep stosq', '(kernel)', '0x10  rep stosq  (kernel)'],
    ['rep stosq', 'memset', '0x10  rep stosq  (memset)'],
  ])('%s of %s is named', (text, name, named) => {
    expect(nameInstruction({ address: '0x10', text, function: name })).toBe(named);
  });
});

describe('a deliberate fault', () => {
  it('stands above all else, and is a doubt', async () => {
    const facts = await factsWith({ injectedFaults: 3 }, { fault: 'drop:1000' });
    expect(facts.deliberateFault).toBe('drop:1000');
    expect(facts.doubts).toEqual({ injectedFaults: 3 });
    const text = renderInfo({ ...facts, recordedBy: null });
    expect(text).toMatch(/^WRONG ON PURPOSE: .* drop:1000\n/);
    expect(text).toMatch(/injected faults +3 accesses wrong on purpose/);
  });

  it('is told of a trace that was cut before its totals, too', async () => {
    const facts = { ...(await factsWith({}, { fault: 'swap:5' })), complete: false };
    expect(renderInfo({ ...facts, recordedBy: null })).toMatch(/^WRONG ON PURPOSE/);
  });

  it('is not spoken of otherwise', async () => {
    const facts = await factsWith({});
    expect(facts.deliberateFault).toBeNull();
    expect(renderInfo({ ...facts, recordedBy: null })).not.toContain('ON PURPOSE');
  });
});

describe('the memory audit', () => {
  const audit = {
    auditedBytes: 2 ** 28,
    comparisons: 3,
    differingBytes: 12,
    unknownBytes: 5,
    byCause: { unknown: 5, 'event-delivery': 0, 'page-walk': 1, 'device-dma': 6 },
    ranges: [
      { paddr: 0x7c00, bytes: 4 },
      { paddr: 0x1_2345_6789, bytes: 1 },
    ],
  };

  it('is told as it is in the totals', async () => {
    const facts = await factsWith({ memoryAudit: audit });
    expect(facts.memoryAudit).toEqual(audit);
    const text = renderInfo({ ...facts, recordedBy: null });
    expect(text).toContain('256 MiB of RAM compared 3 times');
    expect(text).toContain('12 bytes written by others: page-walk 1 byte, device-dma 6 bytes\n');
    expect(text).toContain('5 bytes unknown, at 0x7c00+4, 0x123456789+1\n');
  });

  it('is not spoken of where there was none', async () => {
    const facts = await factsWith({});
    expect(facts.memoryAudit).toBeNull();
    expect(renderInfo({ ...facts, recordedBy: null })).not.toContain('memory audit');
  });

  it.each([
    ['unknownBytes', { ...audit, unknownBytes: -1 }],
    ['byCause.page-walk', { ...audit, byCause: { 'page-walk': 'one' } }],
    ['ranges[0].paddr', { ...audit, ranges: [{ bytes: 1 }] }],
    ['ranges', { ...audit, ranges: undefined }],
  ])('with a wrong %s is damage', async (place, memoryAudit) => {
    expect((await factsWith({ memoryAudit })).cut?.reason).toContain(`memoryAudit.${place}`);
  });
});
