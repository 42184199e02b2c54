// SPDX-License-Identifier: Apache-2.0
// The events of Chrome's format, summed up again.

import { describe, expect, it } from 'vitest';
import { randomTrace } from '../format/program.oracle.ts';
import { exportAll, openEncoded } from './exported.oracle.ts';

interface Event {
  readonly ph: string;
  readonly name: string;
  readonly pid: number;
  readonly ts: number;
  readonly dur: number;
  readonly args: Readonly<Record<string, number>>;
}

const encoded = openEncoded(
  randomTrace({ seed: 31, blockCount: 8, executions: 2000, streams: 1, oddity: 0.2 }),
);

async function readEvents(): Promise<readonly Event[]> {
  const { bytes, records } = await exportAll((await encoded).trace, 'perfetto');
  const { traceEvents }: { traceEvents: readonly Event[] } = JSON.parse(
    new TextDecoder().decode(bytes),
  );
  expect(records).toBe(traceEvents.length);
  return traceEvents;
}

describe('perfetto', () => {
  it('counts every access once', async () => {
    const { seen } = await encoded;
    const counters = (await readEvents()).filter(({ ph }) => ph === 'C');
    expect(counters.length).toBeGreaterThan(5);
    const found = new Map<string, number>();
    for (const { pid, args } of counters) {
      for (const [name, value] of Object.entries(args)) {
        const key = `${pid} ${name}`;
        found.set(key, (found.get(key) ?? 0) + value); // a window is 1000 instructions here
      }
    }
    const wanted = new Map<string, number>();
    for (const { vcpu, cpl, store, aborted } of seen.accesses) {
      if (aborted) continue;
      const key = `${vcpu + 1} ${cpl === 3 ? 'user' : 'kernel'} ${store ? 'stores' : 'loads'}`;
      wanted.set(key, (wanted.get(key) ?? 0) + 1);
    }
    expect(new Map([...found].filter(([, count]) => count > 0))).toEqual(wanted);
  });

  it('has a slice of each stretch in an address space, one behind the other', async () => {
    const { seen } = await encoded;
    const slices = (await readEvents()).filter(({ ph }) => ph === 'X');
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
});
