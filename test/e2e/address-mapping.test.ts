// SPDX-License-Identifier: Apache-2.0
// A bare guest with one page at several addresses and one address with several pages: pc, paddr and address
// space are those of the moment.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectedLines, recordedLines } from './expected-accesses.ts';
import { type GuestRun, recordGuest } from './micro-guest.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('code at several addresses', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuest('mapping');
  });
  afterAll(() => run?.close());

  /** A call of the code in page `shared` at one of its addresses. */
  const called = (where: string, begin: string, prefix: string): string => `${where} w8:top-8
    ${begin} r4:data+4 w4:data+4
    -
    ${prefix}_two  r4:data
    ${prefix}_call w8:top-16
    ${prefix}_leaf w4:data+8
    ${prefix}_lret r8:top-16
    ${prefix}_ret  r8:top-8`;

  it('has the address at which it runs', () => {
    expect(run.trace.capabilities.pc.status).toBe('yes');
    expect(recordedLines(run, 0)).toEqual(
      expectedLines(
        run,
        `${called('k_1', 'shared', 's')}
         ${called('k_2', 'alias_a', 'a')}
         ${called('k_3', 'alias_b', 'b')}
         ${called('k_4', 'alias_a', 'a')}
         ${called('k_5', 'shared', 's')}`,
      ),
    );
  });

  it('has it also when QEMU goes from block to block by itself', () => {
    const round = `${called('h_1', 'shared', 's')}
      ${called('h_2', 'alias_a', 'a')}
      ${called('h_3', 'alias_b', 'b')}
      - 2`;
    expect(recordedLines(run, 2)).toEqual(
      expectedLines(run, Array.from({ length: 300 }, () => round).join('\n')),
    );
  });
});

describe.skipIf(!PLUGIN_IS_BUILT)('data pages', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuest('mapping');
  });
  afterAll(() => run?.close());

  it('at two addresses have one physical address', () => {
    expect(recordedLines(run, 4)).toEqual(
      expectedLines(
        run,
        `-
         t_1    w4:twin_a+8@twin_frame+8
         t_2    r4:twin_b+8@twin_frame+8
         t_3    r4:twin_b+0x10@twin_frame+0x10 w4:twin_b+0x10@twin_frame+0x10
         t_4    r4:twin_a+0x10@twin_frame+0x10
         t_5    r4:twin_frame+0x10`,
      ),
    );
  });

  it('have their new physical address right after invlpg, mov cr3, and a change of CR4.PGE', () => {
    expect(recordedLines(run, 6)).toEqual(
      expectedLines(
        run,
        `m_1    w4:moving@frame_1
         m_inv  w8:moving_entry
         -
         m_2    w4:moving+4@frame_2+4
         m_cr3  w8:moving_entry
         -
         m_3    w4:moving+8@frame_3+8
         m_gl   w8:moving_entry
         - 4
         m_4    w4:moving+12@frame_1+12
         m_stay w8:moving_entry
         - 3
         m_5    w4:moving+16@frame_2+16`,
      ),
    );
  });

  it('have it in a loop that moves them each time', () => {
    const rounds = ['frame_1', 'frame_2', 'frame_1', 'frame_2'].map(
      (frame) => `g_map w8:moving_entry
        -
        g_add r4:moving+0x20@${frame}+0x20 w4:moving+0x20@${frame}+0x20
        - 3`,
    );
    expect(recordedLines(run, 8)).toEqual(expectedLines(run, rounds.join('\n')));
  });

  it('are those of the address space', () => {
    expect(run.trace.capabilities['address-space'].status).toBe('yes');
    expect(recordedLines(run, 10)).toEqual(
      expectedLines(
        run,
        `a_1    w4:moving+0x40@frame_1+0x40
         -
         = cr3  OTHER
         o_1    w4:moving+0x40@frame_3+0x40
         o_2    r4:data
         -
         = cr3  TABLES
         a_2    r4:moving+0x40@frame_1+0x40`,
      ),
    );
  });
});
