// SPDX-License-Identifier: Apache-2.0
// The instruction audit of every bare guest: what QEMU shows of their instructions is what the manual says.

import { describe, expect, it } from 'vitest';
import { auditTrace } from '../../src/audit/index.ts';
import { guestNames, openGuest } from '../../src/guests/index.ts';
import { recordGuestNamed } from './guest-sections.ts';
import { PLUGIN_IS_BUILT, runLoadstore } from './run-loadstore.ts';

/** Each run of each guest, with one thread for all vCPUs. One waits for the monitor: restored.test.ts. */
const RUNS = guestNames()
  .filter((name) => name !== 'restored')
  .flatMap((name) =>
    openGuest(name)
      .machines.filter(({ thread }) => thread === 'single')
      .map((machine) => [name, machine.name] as const),
  );

describe.skipIf(!PLUGIN_IS_BUILT)('the instruction audit', () => {
  it.each(RUNS)('explains every access of the guest %s %s', async (guest, machineName) => {
    const run = await recordGuestNamed(guest, machineName);
    try {
      const audit = await auditTrace(run.outcome.file, { workers: 0 });
      const { instructions, accesses } = run.trace.summary();
      expect(audit.places).toEqual([]);
      expect(audit).toMatchObject({ unexplained: 0, addressMismatches: 0 });
      expect(audit.complete).toBe(true);
      expect(audit).toMatchObject({ executions: instructions, accesses });
      expect(audit.recorded).toBeGreaterThan(0);
      expect(audit.addressesChecked).toBeGreaterThan(0);
    } finally {
      await run.close();
    }
  });

  it('is a command: exit code 0 when all is explained, 1 and the places when not', async () => {
    const plain = await recordGuestNamed('plain');
    const clean = await runLoadstore('audit', plain.outcome.file, '--json');
    await plain.close();
    expect(clean.exitCode).toBe(0);
    const { unexplained, byMnemonic } = JSON.parse(clean.out) as {
      unexplained: number;
      byMnemonic: { mnemonic: string; expected: number; recorded: number }[];
    };
    expect(unexplained).toBe(0);
    expect(byMnemonic.find(({ mnemonic }) => mnemonic === 'cmpxchg16b')?.expected).toBeGreaterThan(
      0,
    );

    const wrong = await recordGuestNamed('plain', '', { fault: 'drop:3' });
    const found = await runLoadstore('audit', wrong.outcome.file);
    await wrong.close();
    expect(found.exitCode).toBe(1);
    expect(found.out).toMatch(/NOT EXPLAINED: [\d,]+ accesses, [\d,]+ wrong address/);
    expect(found.out).toMatch(/0x[0-9a-f]+ {2}\w+ .*: 1 missing/);
  });
});
