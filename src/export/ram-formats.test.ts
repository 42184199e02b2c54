// SPDX-License-Identifier: Apache-2.0
// gem5, Ramulator 2 and DRAMsim3 against what the reference encoder says it put into the trace.

import { describe, expect, it } from 'vitest';
import { randomTrace } from '../format/program.oracle.ts';
import { NO_ADDRESS, type SeenAccess, type SeenTrace } from '../format/reference-trace.oracle.ts';
import { exportAll, openEncoded } from './exported.oracle.ts';
import { readGem5, readLines } from './readers.oracle.ts';

interface Line {
  readonly access: SeenAccess;
  readonly paddr: bigint;
  readonly size: number;
  /** Instructions of all vCPUs before it. */
  readonly now: bigint;
}

/** Byte by byte: the parts of an access that lie in one line of 64 bytes, of RAM, at a known address. */
function linesOf(seen: SeenTrace): {
  readonly lines: Line[];
  readonly aborted: number;
  readonly devices: number;
  readonly unknown: number;
} {
  const lines: Line[] = [];
  const last = new Map<number, bigint>();
  let now = 0n;
  let aborted = 0;
  let devices = 0;
  let unknown = 0;
  for (const access of seen.accesses) {
    const before = last.get(access.vcpu);
    if (before !== undefined && access.icount > before) now += access.icount - before;
    if (before === undefined || access.icount > before) last.set(access.vcpu, access.icount);
    if (access.aborted) aborted++;
    else if (access.device) devices++;
    else {
      const parts = new Map<bigint, { paddr: bigint; size: number }>();
      let isUnknown = [false, false];
      for (let i = 0; i < access.size; i++) {
        const { secondPaddr } = access;
        const inPage = 4096n - (access.vaddr & 4095n);
        const isSecond = secondPaddr !== undefined && BigInt(i) >= inPage;
        const base = isSecond ? secondPaddr : access.paddr;
        if (base === NO_ADDRESS) {
          isUnknown = isSecond ? [isUnknown[0] === true, true] : [true, isUnknown[1] === true];
          continue;
        }
        const paddr = base + BigInt(i) - (isSecond ? inPage : 0n);
        const part = parts.get(paddr >> 6n);
        if (part === undefined) parts.set(paddr >> 6n, { paddr, size: 1 });
        else part.size++;
      }
      unknown += isUnknown.filter(Boolean).length;
      for (const part of parts.values()) lines.push({ access, ...part, now });
    }
  }
  return { lines, aborted, devices, unknown };
}

const PROGRAMS = [
  { seed: 11, blockCount: 6, executions: 500, streams: 1, oddity: 0.3 },
  { seed: 12, blockCount: 20, executions: 300, streams: 2, oddity: 0.8 },
] as const;

describe.each(PROGRAMS)('a random trace ($seed)', (program) => {
  const encoded = openEncoded(randomTrace(program));

  it('has what it should have', async () => {
    const { lines, aborted, devices, unknown } = linesOf((await encoded).seen);
    expect(lines.length).toBeGreaterThan(500);
    expect(Math.min(aborted, devices, unknown)).toBeGreaterThan(0);
    expect(lines.some(({ access, size }) => size < access.size)).toBe(true);
  });

  it('is the same in gem5', async () => {
    const { trace, seen } = await encoded;
    const { lines, aborted, devices, unknown } = linesOf(seen);
    const { bytes, records, lost } = await exportAll(trace, 'gem5');
    const { objId, tickFreq, packets } = readGem5(bytes);
    expect({ objId, tickFreq }).toEqual({ objId: 'loadstore', tickFreq: 10n ** 12n });
    expect(packets).toEqual(
      lines.map(({ access, paddr, size, now }) => ({
        tick: now * 1000n,
        cmd: access.store ? 4n : 1n,
        addr: paddr,
        size: BigInt(size),
        pktId: BigInt(access.vcpu),
        pc: access.pc === NO_ADDRESS ? undefined : access.pc,
      })),
    );
    expect({ records, lost }).toEqual({
      records: lines.length,
      lost: { aborted, devices, unknownPaddr: unknown },
    });
  });

  it('is the same in Ramulator 2', async () => {
    const { trace, seen } = await encoded;
    const { bytes, records } = await exportAll(trace, 'ramulator2');
    const { lines } = linesOf(seen);
    expect(readLines(bytes, /^(LD|ST) 0x([0-9a-f]+)$/)).toEqual(
      lines.map(({ access, paddr }) => [access.store ? 'ST' : 'LD', (paddr & ~63n).toString(16)]),
    );
    expect(records).toBe(lines.length);
  });

  it('is the same in DRAMsim3', async () => {
    const { trace, seen } = await encoded;
    const { bytes, records } = await exportAll(trace, 'dramsim3');
    const { lines } = linesOf(seen);
    expect(readLines(bytes, /^0x([0-9a-f]+) (READ|WRITE) (\d+)$/)).toEqual(
      lines.map(({ access, paddr, now }) => [
        (paddr & ~63n).toString(16),
        access.store ? 'WRITE' : 'READ',
        String(now),
      ]),
    );
    expect(records).toBe(lines.length);
  });

  it('has the time of a part by instructions, and no other', async () => {
    const { trace, seen } = await encoded;
    const icounts = { begin: 300, end: 700 };
    const accesses = seen.accesses.filter(
      ({ icount }) => icount >= icounts.begin && icount < icounts.end,
    );
    const { lines } = linesOf({ ...seen, accesses });
    expect(lines.length).toBeGreaterThan(50);
    const options = { selection: { icounts } };
    const dramsim = await exportAll(trace, 'dramsim3', options);
    expect(readLines(dramsim.bytes, /^0x[0-9a-f]+ (?:READ|WRITE) (\d+)$/).flat()).toEqual(
      lines.map(({ now }) => String(now)),
    );
    const gem5 = await exportAll(trace, 'gem5', options);
    expect(readGem5(gem5.bytes).packets.map(({ tick }) => tick)).toEqual(
      lines.map(({ now }) => now * 1000n),
    );
  });
});
