// SPDX-License-Identifier: Apache-2.0
// The instruction audit of every bare guest: what QEMU shows of their instructions is what the manual says.

import { describe, expect, it } from 'vitest';
import { auditTrace } from '../../src/audit/index.ts';
import { type GuestOptions, recordGuest } from './micro-guest.ts';

const GUESTS: readonly (readonly [guest: string, options: GuestOptions])[] = [
  ['plain', {}],
  ['rep', {}],
  ['faults', {}],
  ['levels', {}],
  ['mapping', {}],
  ['mmio', {}],
  ['ports', {}],
  ['irq', {}],
  ['real', {}],
  ['selfmod', {}],
  ['walks', {}],
  ['smp', { vcpus: 2 }],
];

describe('the instruction audit', () => {
  it.each(GUESTS)('explains every access of the guest %s', async (guest, options) => {
    const run = await recordGuest(guest, options);
    try {
      const audit = await auditTrace(run.outcome.file, { workers: 0 });
      const { instructions, accesses } = run.trace.summary();
      expect(audit.places).toEqual([]);
      expect(audit).toMatchObject({ unexplained: 0, addressMismatches: 0, complete: true });
      expect(audit).toMatchObject({ executions: instructions, accesses });
      expect(audit.recorded).toBeGreaterThan(0);
      expect(audit.addressesChecked).toBeGreaterThan(0);
    } finally {
      await run.close();
    }
  });
});
