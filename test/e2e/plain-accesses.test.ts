// SPDX-License-Identifier: Apache-2.0
// Single accesses of a bare guest: every width, over page boundaries, stack, read-modify-write.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectedLines, recordedLines } from './expected-accesses.ts';
import { type GuestRun, recordGuest } from './micro-guest.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('single accesses', () => {
  let run: GuestRun;
  /** QEMU 7.2 makes two accesses of 8 bytes where later ones make one of 16. */
  let wide: (direction: 'r' | 'w', where: string) => string;

  beforeAll(async () => {
    run = await recordGuest('plain');
    wide = (direction, where) =>
      run.qemu.version.major < 10
        ? `${direction}8:${where} ${direction}8:${where}+8`
        : `${direction}16:${where}`;
  });
  afterAll(() => run?.close());

  it('have every width from 1 to 16 bytes', () => {
    expect(recordedLines(run, 0)).toEqual(
      expectedLines(
        run,
        `ld1    r1:data+0x40
       ld2    r2:data+0x42
       ld4    r4:data+0x44
       ld8    r8:data+0x40
       ldsx   r1:data+0x41
       ldzx   r2:data+0x43
       ldsxd  r4:data+0x45
       to1    w1:data+0x10
       to2    w2:data+0x12
       to4    w4:data+0x14
       to8    w8:data+0x18
       toi4   w4:data+0x20
       toi8   w8:data+0x28
       ld16   ${wide('r', 'data+0x40')}
       to16   ${wide('w', 'data+0x50')}
       lda16  ${wide('r', 'data+0x50')}
       toa16  ${wide('w', 'data+0x60')}
       alu16  ${wide('r', 'data+0x60')}
       ldq    r8:data+0x40
       toq    w8:data+0x70
       ldss   r4:data+0x40
       toss   w4:data+0x78
       fld4   r4:data+0x44
       fst8   w8:data+0x80
       bt4    r4:data+0x40
       cmp4   r4:data+0x14
       test1  r1:data+0x10
       -      ; a prefetch makes no access, nor does lea
       -`,
      ),
    );
  });

  it('are one when not aligned', () => {
    expect(recordedLines(run, 2)).toEqual(
      expectedLines(
        run,
        `un2    r2:data+0x41
       un4    w4:data+0x93
       un8    r8:data+0x91
       un16   ${wide('w', 'data+0xa1')}
       line8  r8:data+0xfc`,
      ),
    );
  });

  it('over a page boundary have the physical addresses of both pages', () => {
    const parts =
      run.qemu.version.major < 10
        ? 'w8:high_page-15@low_frame+0xff1 w8:high_page-7@low_frame+0xff9,high_frame'
        : 'w16:high_page-15@low_frame+0xff1,high_frame';
    expect(recordedLines(run, 4)).toEqual(
      expectedLines(
        run,
        `edge8  w8:high_page-8@low_frame+0xff8
       over2  w2:high_page-1@low_frame+0xfff,high_frame
       over4  r4:high_page-3@low_frame+0xffd,high_frame
       over8  w8:high_page-4@low_frame+0xffc,high_frame
       load8  r8:high_page-4@low_frame+0xffc,high_frame
       over16 ${parts}
       next1  r1:high_page@high_frame`,
      ),
    );
  });

  it('of the stack are loads and stores of its top', () => {
    const call = (where: string, first: string): string =>
      `${where}  ${first} w8:top-8
       called r8:data+0xc0 w8:data+0xc0
       -
       keep8  w8:data+0xc8
       ret0   r8:top-8`;
    expect(recordedLines(run, 6)).toEqual(
      expectedLines(
        run,
        `push8  w8:top-8
       pop8   r8:top-8
       pushi  w8:top-8
       push2  w2:top-10
       pop2   r2:top-10
       pushm  r8:data+0x40 w8:top-16
       popm   r8:top-16 w8:data+0xb0
       popi   r8:top-8
       ${call('calld', '')}
       ${call('callr', '')}
       ${call('callm', 'r8:data+0xc8')}
       pushf  w8:top-8
       popf   r8:top-8
       enter0 w8:top-8
       leave0 r8:top-8
       enter2 w8:top-8 r8:top-8 w8:top-16 w8:top-24
       leave2 r8:top-8`,
      ),
    );
  });

  it('of a read-modify-write are a load, then a store of one instruction', () => {
    expect(recordedLines(run, 8)).toEqual(
      expectedLines(
        run,
        `add4   r4:data+0x100 w4:data+0x100
       adc8   r8:data+0x100 w8:data+0x100
       sub1   r1:data+0x100 w1:data+0x100
       inc2   r2:data+0x100 w2:data+0x100
       not4   r4:data+0x100 w4:data+0x100
       neg8   r8:data+0x100 w8:data+0x100
       shl4   r4:data+0x100 w4:data+0x100
       bts4   r4:data+0x104 w4:data+0x104
       xadd4  r4:data+0x108 w4:data+0x108
       xchg8  r8:data+0x110 w8:data+0x110
       setc   w1:data+0x118
       over   r4:high_page-2@low_frame+0xffe,high_frame w4:high_page-2@low_frame+0xffe,high_frame`,
      ),
    );
  });

  it('of cmpxchg are a load and a store, hit or miss', () => {
    expect(recordedLines(run, 10)).toEqual(
      expectedLines(
        run,
        `cx_hit r4:data+0x120 w4:data+0x120
       cx_mis r4:data+0x120 w4:data+0x120
       -
       cx_mi2 r4:data+0x120 w4:data+0x120`,
      ),
    );
    expect(recordedLines(run, 12)).toEqual(
      expectedLines(
        run,
        `c8_hit r8:data+0x130 w8:data+0x130
       c8_mis r8:data+0x130 w8:data+0x130`,
      ),
    );
    expect(recordedLines(run, 14)).toEqual(
      expectedLines(
        run,
        `c6_hit ${wide('r', 'data+0x140')} ${wide('w', 'data+0x140')}
       c6_mis ${wide('r', 'data+0x140')} ${wide('w', 'data+0x140')}`,
      ),
    );
  });

  it('with LOCK are a load and a store, too', () => {
    expect(recordedLines(run, 16)).toEqual(
      expectedLines(
        run,
        `k_add  r4:data+0x164 w4:data+0x164
       k_inc  r2:data+0x168 w2:data+0x168
       k_xadd r4:data+0x16c w4:data+0x16c
       k_bts  r4:data+0x170 w4:data+0x170
       k_not  r1:data+0x174 w1:data+0x174
       k_neg  r4:data+0x178 r4:data+0x178 w4:data+0x178 ; QEMU loads, then makes a compare-and-exchange
       k_chit r4:data+0x160 w4:data+0x160
       k_cmis r4:data+0x160 w4:data+0x160
       - 2
       k_8hit r8:data+0x180 w8:data+0x180
       -
       k_8mis r8:data+0x180 w8:data+0x180
       - 2
       k_6hit ${wide('r', 'data+0x190')} ${wide('w', 'data+0x190')}
       -
       k_6mis ${wide('r', 'data+0x190')} ${wide('w', 'data+0x190')}
       k_over r4:high_page-2@low_frame+0xffe,high_frame w4:high_page-2@low_frame+0xffe,high_frame`,
      ),
    );
  });
});
