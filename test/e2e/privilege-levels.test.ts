// SPDX-License-Identifier: Apache-2.0
// User accesses of a bare guest, counted without decoding them.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GuestRun } from '../../src/guests/index.ts';
import { isOfInstruction, recordGuestNamed } from './guest-sections.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('user accesses', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuestNamed('levels');
  });
  afterAll(() => run?.close());

  it('are counted in the summary', () => {
    const user = run.accesses.filter(({ cpl, aborted }) => cpl === 3 && !aborted);
    expect(user.filter(isOfInstruction).length).toBeGreaterThan(19);
    expect(run.trace.summary().userAccesses).toBe(user.length);
  });
});
