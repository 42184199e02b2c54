// SPDX-License-Identifier: Apache-2.0
// The instruction audit of every bare guest: what QEMU shows of their instructions is what the manual says.

import { describe, expect, it } from 'vitest';
import { auditTrace } from '../../src/audit/index.ts';
import { guestNames, openGuest } from '../../src/guests/index.ts';
import { recordGuestNamed } from './guest-sections.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

/** Each run of each guest, with one thread for all vCPUs. */
const RUNS = guestNames().flatMap((name) =>
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
      expect(audit).toMatchObject({ placeCount: 0, unexplained: 0 });
      expect(audit).toMatchObject({ addressMismatches: 0, complete: true });
      expect(audit).toMatchObject({ executions: instructions, accesses });
      expect(audit.recorded).toBeGreaterThan(0);
      expect(audit.addressesChecked).toBeGreaterThan(0);
    } finally {
      await run.close();
    }
  });
});
