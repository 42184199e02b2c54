// SPDX-License-Identifier: Apache-2.0
// A bare guest that goes to CPL 3 and back in each way, and runs 32-bit code there.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectedLines,
  interruptReturn,
  isOfInstruction,
  mapPageLines,
  recordedEvents,
  recordedLines,
} from './expected-accesses.ts';
import { type GuestRun, recordGuest } from './micro-guest.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('privilege levels', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuest('levels');
  });
  afterAll(() => run?.close());

  it('are those of each instruction', () => {
    expect(run.trace.capabilities.cpl.status).toBe('yes');
    // iretq's own loads are made at CPL 0, as is what a gate leads to; its return is to CPL 3.
    expect(recordedLines(run, 0)).toEqual(
      expectedLines(
        run,
        `first  w8:top-8
         second w8:top-16
         third  w8:top-24
         fourth w8:top-32
         p_last w8:top-40
         p_iret ${interruptReturn('top', 3)}
         = cpl 3
         user   w4:data
         u_push w8:user_stack-8
         u_int
         = cpl 0
         on_service r4:hits w4:hits
         v_ret  ${interruptReturn('top0', 3)}
         = cpl 3
         u_two  r4:data
         u_sys
         = cpl 0
         on_syscall r4:hits w4:hits
         y_ret
         = cpl 3
         u_tri  r4:data
         = cpl 0
         ${mapPageLines('missing', 'top0', 3)}
         = cpl 3
         u_flt  w4:missing
         u_pop  r8:user_stack-8
         u_ss   w8:user_stack-8
         u_eip  w8:user_stack-16
         u_far  r8:user_stack-16 r8:user_stack-8 r4:gdt+0x18 r4:gdt+0x1c
         user32 r4:data
         c_push w4:user_stack-4
         c_inc  r4:data w4:data
         c_pop  r4:user_stack-4
         c_far  r4:gdt+0x28 r4:gdt+0x2c
         -
         = cpl 0
         on_finish r8:top0-16`,
      ),
    );
    expect(recordedEvents(run, 0)).toEqual([
      'software interrupt 64 at u_int',
      'exception 14 at u_flt error 6 address 0x415000',
      'software interrupt 65 at user64',
    ]);
  });

  it('are counted', () => {
    const user = run.accesses.filter(({ cpl, aborted }) => cpl === 3 && !aborted);
    expect(user.filter(isOfInstruction)).toHaveLength(19);
    expect(run.trace.summary().userAccesses).toBe(user.length);
  });
});
