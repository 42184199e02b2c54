// SPDX-License-Identifier: Apache-2.0
// Accessed and dirty bits that the MMU sets in a bare guest's page tables, and what maps tell of pages.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessLines, addressOf, sectionOf } from './expected-accesses.ts';
import { type GuestRun, recordGuest } from './micro-guest.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('page walks', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuest('walks');
  });
  afterAll(() => run?.close());

  /** Instruction, access and "walk" for those of the MMU. */
  function lines(mark: number): string[] {
    const { begin, inside } = sectionOf(run, mark);
    return accessLines(run, inside, begin.icount + 1).map((line, i) => {
      const [, pc = '', access = ''] = line.split(' ');
      const by = inside[i]?.origin === 'pageWalk' ? ' walk' : '';
      return `${pc} ${access.replace(/@.*/, '')}${by}`;
    });
  }

  const at = (direction: string, where: string): string =>
    `${direction}:0x${addressOf(run, where).toString(16)}`;

  it('set accessed and dirty bits before the access that needs them', () => {
    expect(lines(0)).toEqual([
      `w_load ${at('w8', 'page_entry')} walk`,
      `w_load ${at('r4', 'page')}`,
      `w_more ${at('r4', 'page+8')}`,
      `w_stor ${at('w8', 'page_entry')} walk`,
      `w_stor ${at('w4', 'page')}`,
      `w_agai ${at('w4', 'page+8')}`,
    ]);
    expect(lines(2)).toEqual([
      `w_both ${at('w8', 'page_entry')} walk`,
      `w_both ${at('w4', 'page')}`,
    ]);
    expect(lines(4)).toEqual([
      `l_load ${at('w8', 'large_entry')} walk`,
      `l_load ${at('r4', 'large+0x12340')}`,
      `l_stor ${at('w8', 'large_entry')} walk`,
      `l_stor ${at('w4', 'large+0x54320')}`,
    ]);
  });

  it('of instruction fetches are told when the guest can see them', () => {
    expect(lines(6)).toEqual([
      `c_call ${at('w8', 'STACK-8')}`,
      `code ${at('r8', 'STACK-8')}`,
      `c_read ${at('w8', 'code_entry')} walk`,
      `c_read ${at('r8', 'code_entry')}`,
    ]);
  });

  it('of the first fetch through new tables are told', ({ skip }) => {
    // Paging was turned on with tables that nothing had walked.
    const first = run.accesses.find(({ origin }) => origin === 'pageWalk');
    expect(first?.vaddr).toBe(addressOf(run, 'TABLES'));
    skip(run.qemu.pluginApi === 1, 'QEMU 7.2: what CR3 is loaded with cannot be read');
    expect(lines(10)).toEqual([
      `f_read ${at('w8', 'new_root')} walk`,
      `f_read ${at('w8', 'new_pdpt')} walk`,
      `f_read ${at('r8', 'new_root')}`,
    ]);
  });

  it('that set nothing are not there', () => {
    expect(lines(8)).toEqual([`r_load ${at('r4', 'other')}`]);
    const [totals] = run.trace.totals?.streams ?? [];
    const walks = run.accesses.filter(({ origin }) => origin === 'pageWalk');
    expect(totals?.walkUpdates).toBe(walks.length);
    expect(totals?.walkMismatches).toBe(0);
    expect(totals?.mapMismatches).toBe(0);
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
    expect(found.get(addressOf(run, 'large+0x12000'))).toEqual({
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
