// SPDX-License-Identifier: Apache-2.0
// The events of Chrome's format, summed up again.

import { describe, expect, it } from 'vitest';
import type { Selection } from '../analysis/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import type { SeenAccess } from '../format/reference-trace.oracle.ts';
import { exportAll, openEncoded } from './exported.oracle.ts';
import { shapeOfRef } from './steps.oracle.ts';

interface Event {
  readonly ph: string;
  readonly name: string;
  readonly pid: number;
  readonly ts: number;
  readonly dur: number;
  readonly args: Readonly<Record<string, number>>;
}

const REF = randomTrace({ seed: 31, blockCount: 8, executions: 2000, streams: 1, oddity: 0.2 });
const encoded = openEncoded(REF);
const WINDOW = 1000;

async function readEvents(selection: Selection = {}): Promise<readonly Event[]> {
  const options = { selection, shape: shapeOfRef(REF) };
  const { bytes, records } = await exportAll((await encoded).trace, 'perfetto', options);
  const { traceEvents }: { traceEvents: readonly Event[] } = JSON.parse(
    new TextDecoder().decode(bytes),
  );
  expect(records).toBe(traceEvents.length);
  return traceEvents;
}

const slicesOf = (events: readonly Event[]): readonly Event[] =>
  events.filter(({ ph }) => ph === 'X');

/** Instructions from the first access of each vCPU to the highest of its icounts, one more for the last. */
function lengthOf(accesses: readonly SeenAccess[]): number {
  let length = 1;
  for (const vcpu of new Set(accesses.map((access) => access.vcpu))) {
    const icounts = accesses.filter((access) => access.vcpu === vcpu).map((one) => one.icount);
    const [first = 0n] = icounts;
    length += Number(icounts.reduce((a, b) => (a > b ? a : b)) - first);
  }
  return length;
}

/** Accesses by vCPU and counter: the rates, times the instructions of their windows in a part of that length. */
function countsOf(events: readonly Event[], length: number): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { pid, ts, args } of events.filter(({ ph }) => ph === 'C')) {
    const instructions = Math.min(WINDOW, length - Math.round(ts * 1000));
    expect(instructions).toBeGreaterThan(0);
    for (const [name, rate] of Object.entries(args)) {
      const key = `${pid} ${name}`;
      found.set(key, (found.get(key) ?? 0) + Math.round((rate * instructions) / 1000));
    }
  }
  return new Map([...found].filter(([, count]) => count > 0));
}

function tally(accesses: readonly SeenAccess[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { vcpu, cpl, store, aborted } of accesses) {
    if (aborted) continue;
    const key = `${vcpu + 1} ${cpl === 3 ? 'user' : 'kernel'} ${store ? 'stores' : 'loads'}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

describe('perfetto', () => {
  it('counts every access once', async () => {
    const { seen } = await encoded;
    const events = await readEvents();
    expect(events.filter(({ ph }) => ph === 'C').length).toBeGreaterThan(5);
    expect(countsOf(events, lengthOf(seen.accesses))).toEqual(tally(seen.accesses));
  });

  it('has a slice of each stretch in an address space, one behind the other', async () => {
    const { seen } = await encoded;
    const slices = slicesOf(await readEvents());
    for (const vcpu of new Set(seen.accesses.map((access) => access.vcpu))) {
      const own = slices.filter(({ pid }) => pid === vcpu + 1);
      const wanted: string[] = [];
      for (const access of seen.accesses) {
        if (access.vcpu !== vcpu || access.aborted) continue;
        const name = `CR3 0x${access.cr3.toString(16)}`;
        if (wanted.at(-1) !== name) wanted.push(name);
      }
      expect(own.map(({ name }) => name)).toEqual(wanted);
      own.slice(1).forEach(({ ts }, i) => {
        expect(ts).toBeCloseTo((own[i]?.ts ?? 0) + (own[i]?.dur ?? 0), 6);
      });
    }
  });

  it('has the slices of an address space that was chosen, as long as they are', async () => {
    const { seen } = await encoded;
    const all = slicesOf(await readEvents());
    const spaces = [...new Set(seen.accesses.map(({ cr3 }) => cr3))];
    expect(spaces.length).toBeGreaterThan(2);
    for (const cr3 of spaces) {
      const isOwn = (one: bigint): boolean => (one ^ cr3) >> 12n === 0n;
      const addressSpace = { lo: Number(cr3 & 0xffff_f000n), hi: Number(cr3 >> 32n) & 0xf_ffff };
      const events = await readEvents({ addressSpace });
      expect(slicesOf(events)).toEqual(
        all.filter(({ name }) => isOwn(BigInt(name.replace('CR3 ', '')))),
      );
      expect(slicesOf(events).length).toBeGreaterThan(0);
      expect(countsOf(events, lengthOf(seen.accesses))).toEqual(
        tally(seen.accesses.filter((access) => isOwn(access.cr3))),
      );
    }
  });

  it.each<[string, Selection]>([
    ['privilege', { cpl: 3 }],
    ['address', { addresses: { beginLo: 0, beginHi: 0, lastLo: 0xffff_ffff, lastHi: 0x7fff } }],
  ])('has the slices of the whole time where accesses are chosen by %s', async (_by, selection) => {
    expect(slicesOf(await readEvents(selection))).toEqual(slicesOf(await readEvents()));
  });

  it('has the time of a part by instructions, and no other', async () => {
    const { seen } = await encoded;
    const icounts = { begin: 1500, end: 3700 };
    const own = seen.accesses.filter(
      ({ icount }) => icount >= icounts.begin && icount < icounts.end,
    );
    const length = lengthOf(own);
    expect(length).toBeLessThan(lengthOf(seen.accesses) / 2);
    const events = await readEvents({ icounts });
    expect(countsOf(events, length)).toEqual(tally(own));
    const slices = slicesOf(events);
    expect(Math.min(...slices.map(({ ts }) => ts))).toBe(0);
    expect(Math.max(...slices.map(({ ts, dur }) => ts + dur))).toBeCloseTo(length / 1000, 6);
  });

  it('refuses a part without an access', async () => {
    await expect(readEvents({ addressSpace: { lo: 0x7777_7000, hi: 7 } })).rejects.toMatchObject({
      kind: 'empty-selection',
    });
  });
});
