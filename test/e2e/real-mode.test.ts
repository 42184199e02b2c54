// SPDX-License-Identifier: Apache-2.0
// What a trace says of a bare guest's first instructions, in real mode.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GuestRun } from '../../src/guests/index.ts';
import { addressOf, recordGuestNamed } from './guest-sections.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('real mode', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuestNamed('real');
  });
  afterAll(() => run?.close());

  it('has exceptions that QEMU does not log, and the trace says so', () => {
    const { status, why } = run.trace.capabilities.events;
    expect(status).toBe('partial');
    expect(why).toContain('real mode');
  });

  it('runs 16-bit code with mode bits of its own', () => {
    const id = Array.from({ length: run.trace.code.blockCount }, (_, i) => i).find(
      (i) =>
        run.trace.code.vaddr(i) ===
        addressOf(run, 'l_load') - addressOf(run, 'IMAGE') + addressOf(run, 'LOW_ROM'),
    );
    // Neither PE nor CS32 nor CS64.
    expect(id).toBeDefined();
    expect((run.trace.code.mode(id ?? 0) ?? -1) & ((1 << 7) | (1 << 4) | (1 << 15))).toBe(0);
  });
});
