// SPDX-License-Identifier: Apache-2.0
// Accessed and dirty bits that the MMU sets in a bare guest's page tables, and what maps tell of pages.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GuestRun } from '../../src/guests/index.ts';
import { addressOf, recordGuestNamed } from './guest-sections.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('page walks', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuestNamed('walks');
  });
  afterAll(() => run?.close());

  it('are counted', () => {
    const [totals] = run.trace.totals?.streams ?? [];
    const walks = run.accesses.filter(({ origin }) => origin === 'pageWalk');
    expect(walks.length).toBeGreaterThan(0);
    expect(totals?.walkUpdates).toBe(walks.length);
  });

  it('say what kind of page a mapping is', async () => {
    const found = new Map<bigint, unknown>();
    let current: unknown;
    for await (const note of run.trace.notes({ kinds: ['map', 'attributes'] })) {
      if (note.kind === 'attributes') current = note.attributes;
      if (note.kind === 'map') found.set(note.vpage << 12n, current);
    }
    const common = { write: true, noExecute: false, global: false };
    expect(found.get(addressOf(run, 'page'))).toEqual({ ...common, user: false, pageBytes: 4096 });
    expect(found.get(addressOf(run, 'other'))).toMatchObject({ write: false, user: false });
    expect(found.get(addressOf(run, 'large') + 0x12000n)).toEqual({
      ...common,
      user: false,
      pageBytes: 2 ** 21,
    });
    expect(found.get(addressOf(run, 'MARKS') & ~4095n)).toEqual({
      ...common,
      user: true,
      pageBytes: 2 ** 21,
    });
  });
});
