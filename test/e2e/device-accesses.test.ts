// SPDX-License-Identifier: Apache-2.0
// Accesses of a bare guest to devices: marked as such, with their address, and counted once.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectedLines, recordedEvents, recordedLines } from './expected-accesses.ts';
import { type GuestRun, recordGuest } from './micro-guest.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('device accesses', () => {
  let run: GuestRun;
  /** An attempt that QEMU 10 and later make before they do the instruction again on its own. */
  let attempt: (line: string) => string;

  beforeAll(async () => {
    run = await recordGuest('mmio');
    attempt = (line) => (run.qemu.version.major < 10 ? '' : `? ${line}`);
  });
  afterAll(() => run?.close());

  it('are marked at the beginning and in the middle of a block', () => {
    expect(run.trace.capabilities.device.status).toBe('yes');
    expect(recordedLines(run, 0)).toEqual(
      expectedLines(
        run,
        `m_first r4:apic_id!device
         -
         m_ram1 w4:data+8
         m_mid  w4:spurious!device
         m_ram2 r4:data
         m_load r4:spurious!device
         m_ram3 w4:data`,
      ),
    );
  });

  it('are marked at the end of a block', () => {
    expect(addressEnds(run, 'e_ram')).toBe(true);
    expect(recordedLines(run, 2)).toEqual(
      expectedLines(
        run,
        `e_one  r4:data+0x10
         e_mid  r4:spurious!device
         e_two  w4:data+0x10
         e_last r4:spurious!device
         e_ram  w4:data+0x14`,
      ),
    );
  });

  it('of a read-modify-write are two of one instruction', () => {
    expect(recordedLines(run, 4)).toEqual(
      expectedLines(
        run,
        `r_add  r4:hpet_config!device w4:hpet_config!device
         r_ram  w4:data
         r_lock r4:hpet_config!device w4:hpet_config!device
         r_xchg r4:divide!device w4:divide!device
         r_test r4:hpet_config!device`,
      ),
    );
  });

  it('of movs are marked for the half that is a device', () => {
    expect(recordedLines(run, 6)).toEqual(
      expectedLines(
        run,
        `- 2
         ${attempt('v_to r4:data!aborted')}
         v_to   r4:data w4:divide!device
         - 2
         v_from r4:divide!device w4:data+0x20
         - 2
         v_both r4:hpet_config!device w4:apic_id!device
         v_ram  r4:data`,
      ),
    );
  });

  it('of rep movs, stos and lods are those of one instruction', () => {
    // Such an instruction ends its block, where QEMU need not do it again.
    const element = (i: number): string => `r4:data+${4 * i} w4:divide+${4 * i}!device`;
    const each = (direction: string): string =>
      [0, 4, 8].map((at) => `${direction}4:divide+${at}!device`).join(' ');
    expect(recordedLines(run, 8)).toEqual(
      expectedLines(
        run,
        `- 3
         p_movs ${[0, 1, 2].map(element).join(' ')}
         p_ram  w4:data+0x28
         - 2
         p_stos ${each('w')}
         - 2
         p_lods ${each('r')}
         p_end  w4:data+0x28`,
      ),
    );
  });

  it('are marked each time in a loop', () => {
    const rounds = [0, 8, 16, 24].map(
      (at) => `l_load r8:HPET+0xf0!device
        l_keep w8:data+0x100+${at}
        l_conf r4:hpet_config!device
        - 3`,
    );
    expect(recordedLines(run, 10)).toEqual(expectedLines(run, `- 3\n${rounds.join('\n')}`));
  });

  it('are marked when they are in the second page of an access', () => {
    expect(recordedLines(run, 12)).toEqual(
      expectedLines(
        run,
        `c_load r4:apic_page-2@ram_page+0xffe,LAPIC!device
         c_ram  w4:data
         c_stor w4:apic_page-2@ram_page+0xffe,LAPIC!device`,
      ),
    );
  });

  it('raise no events', () => {
    expect(recordedEvents(run, 0, { endMark: 13 })).toEqual([]);
  });
});

function addressEnds({ symbols }: GuestRun, name: string): boolean {
  return (symbols.get(name) ?? 1n) % 4096n === 0n;
}
