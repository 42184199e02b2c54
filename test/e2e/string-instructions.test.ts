// SPDX-License-Identifier: Apache-2.0
// String instructions of a bare guest, with and without rep, over page boundaries and with faults inside.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectedLines, mapPageLines, recordedEvents, recordedLines } from './expected-accesses.ts';
import { type GuestRun, recordGuest } from './micro-guest.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

/** What `iteration` gives for 0, 1, ... count - 1. */
function times(count: number, iteration: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => iteration(i)).join(' ');
}

describe.skipIf(!PLUGIN_IS_BUILT)('string instructions', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuest('rep');
  });
  afterAll(() => run?.close());

  it('movs loads and stores each element and is one instruction', () => {
    expect(recordedLines(run, 0)).toEqual(
      expectedLines(
        run,
        `- 3
         movsb5 ${times(5, (i) => `r1:source+${i} w1:dest+${i}`)}
         - 3
         movsw1 r2:source w2:dest
         - 3
         movsd0
         - 3
         movsq2 r8:source w8:dest r8:source+8 w8:dest+8
         - 3
         movsb  r1:source w1:dest`,
      ),
    );
  });

  it('stos and lods are one access for each element', () => {
    expect(recordedLines(run, 2)).toEqual(
      expectedLines(
        run,
        `- 3
         stosb5 ${times(5, (i) => `w1:dest+${i}`)}
         - 3
         stosw0
         - 3
         stosd1 w4:dest
         - 3
         stosq2 w8:dest w8:dest+8
         - 3
         lodsb3 ${times(3, (i) => `r1:source+${i}`)}
         - 3
         lodsq0
         stosb  w1:dest
         lodsd  r4:source`,
      ),
    );
  });

  it('scas and cmps end where the condition says', () => {
    // QEMU loads the element at rdi first.
    const pair = (size: number, i: number): string =>
      `r${size}:dest+${i * size} r${size}:source+${i * size}`;
    expect(recordedLines(run, 4)).toEqual(
      expectedLines(
        run,
        `- 4
         scasb4 ${times(4, (i) => `r1:dest+${i}`)}
         - 3
         scasw2 r2:dest r2:dest+2
         - 3
         scasb0
         - 3
         cmpsb4 ${times(4, (i) => pair(1, i))}
         - 3
         cmpsb3 ${times(3, (i) => pair(1, i))}
         - 3
         cmpsd2 ${times(2, (i) => pair(4, i))}
         - 3
         cmpsb0
         cmpsb0+2 r1:dest r1:source`,
      ),
    );
  });

  it('go backwards', () => {
    expect(recordedLines(run, 6)).toEqual(
      expectedLines(
        run,
        `- 4
         back ${times(3, (i) => `r2:source+${6 - 2 * i} w2:dest+${6 - 2 * i}`)}
         -`,
      ),
    );
  });

  it('cross into a page whose frame is elsewhere', () => {
    expect(recordedLines(run, 8)).toEqual(
      expectedLines(
        run,
        `- 3
         cross  r4:source w4:high_page-6@low_frame+0xffa r4:source+4 w4:high_page-2@low_frame+0xffe,high_frame r4:source+8 w4:high_page+2@high_frame+2 r4:source+12 w4:high_page+6@high_frame+6
         - 3
         cross1 r1:high_page-2@low_frame+0xffe w1:high_page-1@low_frame+0xfff r1:high_page-1@low_frame+0xfff w1:high_page@high_frame r1:high_page@high_frame w1:high_page+1@high_frame+1`,
      ),
    );
  });

  it('are one instruction when a fault comes in the middle', () => {
    expect(recordedLines(run, 10)).toEqual(
      expectedLines(
        run,
        `? fault_movs r1:source w1:missing-2 r1:source+1 w1:missing-1 r1:source+2!aborted
         ${mapPageLines('missing')}
         fault_movs r1:source+2 w1:missing r1:source+3 w1:missing+1 r1:source+4 w1:missing+2
         after_movs w4:dest`,
      ),
    );
    expect(recordedLines(run, 12)).toEqual(
      expectedLines(
        run,
        `? fault_stos w8:missing-8
         ${mapPageLines('missing')}
         fault_stos w8:missing w8:missing+8
         fault_stos+3 r1:source+5`,
      ),
    );
    expect(recordedLines(run, 16)).toEqual(
      expectedLines(
        run,
        `? fault_lods r1:missing-2 r1:missing-1
         ${mapPageLines('missing')}
         fault_lods r1:missing r1:missing+1
         fault_scas r1:dest`,
      ),
    );
    expect(recordedEvents(run, 10)).toEqual([
      'exception 14 at fault_movs error 2 address 0x415000',
    ]);
    expect(recordedEvents(run, 12)).toEqual([
      'exception 14 at fault_stos error 2 address 0x415000',
    ]);
    expect(recordedEvents(run, 16)).toEqual([
      'exception 14 at fault_lods error 0 address 0x415000',
    ]);
  });

  it('are one instruction when the first access faults', () => {
    expect(recordedLines(run, 14)).toEqual(
      expectedLines(
        run,
        `${mapPageLines('missing')}
         fault_first r1:missing r1:source
         -`,
      ),
    );
    expect(recordedEvents(run, 14)).toEqual([
      'exception 14 at fault_first error 0 address 0x415000',
    ]);
  });

  it('are one instruction when QEMU does them in parts', () => {
    const count = 70_000;
    const found = recordedLines(run, 18);
    const expected = expectedLines(
      run,
      `l_stos ${times(count, (i) => `w1:wide+${i}`)}
       l_next r1:source`,
    );
    expect(found).toHaveLength(count + 2);
    // Compared by line: the difference of lists this long is too long to be shown.
    expect(found.findIndex((line, i) => line !== expected[i])).toBe(-1);
  });
});
