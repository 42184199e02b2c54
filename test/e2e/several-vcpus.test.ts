// SPDX-License-Identifier: Apache-2.0
// A bare guest with two vCPUs that run the same code: whose access it is, and in what order.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Access, GuestRun } from '../../src/guests/index.ts';
import { addressOf, isOfInstruction, recordGuestNamed, sectionOf } from './guest-sections.ts';
import { PLUGIN_IS_BUILT, qemuUnderTest } from './run-loadstore.ts';

const ROUNDS = 50;
const VALUES = 400;
const { version } = await qemuUnderTest();

describe.skipIf(!PLUGIN_IS_BUILT)('two vCPUs in one thread', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuestNamed('smp');
  });
  afterAll(() => run?.close());

  it('take turns in the code that both run', () => {
    expect(run.trace.capabilities.vcpu.status).toBe('yes');
    const work = run.accesses.filter(
      (access) => isOfInstruction(access) && access.pc === addressOf(run, 'w_load'),
    );
    expect(work).toHaveLength(2 * ROUNDS);
    const turns = work.filter(({ vcpu }, i) => vcpu !== work[i - 1]?.vcpu).length;
    expect(turns).toBeGreaterThan(ROUNDS);
  });

  it('have one order: a load comes after the store that it saw, and before the next', () => {
    expect(run.trace.capabilities['global-order'].status).toBe('yes');
    expect(run.trace.summary().streams).toBe(1);
    const [flag, table] = [addressOf(run, 'flag'), addressOf(run, 'table')];
    let stored = 0;
    let loaded: number | undefined;
    const seen = new Set<number>();
    const wrong: unknown[] = [];
    for (const { vaddr, store, vcpu, pc } of readerAndWriter(run)) {
      if (vaddr === flag && store) stored++;
      else if (vaddr === flag) loaded = stored;
      else if (vcpu === 1) {
        const saw = Number((vaddr - table) / 8n);
        seen.add(saw);
        if (saw !== loaded || pc !== addressOf(run, 'x_table')) wrong.push({ saw, loaded });
      }
    }
    expect(wrong).toEqual([]);
    expect(stored).toBe(VALUES);
    expect(seen.size).toBeGreaterThan(VALUES / 10);
  });
});

/** Accesses to the flag and the table, in the order of the trace. */
function readerAndWriter(run: GuestRun): Access[] {
  const begin = Math.min(...[4, 6].map((mark) => sectionOf(run, mark).begin.ordinal));
  const from = addressOf(run, 'flag');
  const to = addressOf(run, 'table') + BigInt(8 * (VALUES + 1));
  return run.accesses.filter(
    ({ ordinal, vaddr }) => ordinal > begin && vaddr >= from && vaddr < to,
  );
}

describe.skipIf(!PLUGIN_IS_BUILT)('two vCPUs in a thread each', () => {
  interface Comparison {
    readonly found: unknown;
    readonly wanted: unknown;
  }

  const compareOrder = async (run: GuestRun): Promise<Comparison> => {
    const { capabilities } = run.trace;
    const streams = run.accesses.map(({ stream, vcpu }) => `${stream} ${vcpu}`);
    const comparison = {
      found: {
        statuses: [capabilities['global-order'].status, capabilities.events.status],
        vcpusInStreams: new Set(streams).size,
        streams: run.trace.summary().streams,
      },
      wanted: {
        statuses: ['no', 'no'],
        vcpusInStreams: 2,
        streams: 2,
      },
    };
    await run.close();
    return comparison;
  };

  const compareRefusal = (error: unknown): Comparison => ({
    found: /uses freed memory when a plugin watches accesses/.exec(String(error))?.length,
    wanted: version.major < 10 ? 1 : 'no refusal',
  });

  it('have an exact order each, and none between them; QEMU 7.2 is refused', async () => {
    const recording = recordGuestNamed('smp', 'multi');
    const { found, wanted } = await recording.then(compareOrder, compareRefusal);
    expect(found).toEqual(wanted);
    expect(
      await recording.then(
        () => 'recorded',
        () => 'refused',
      ),
    ).toBe(version.major < 10 ? 'refused' : 'recorded');
  });
});
