// SPDX-License-Identifier: Apache-2.0
// Exceptions and software interrupts of a bare guest: what was attempted, what counts, where it went on.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectedLines,
  interruptReturn,
  mapPageLines,
  recordedEvents,
  recordedLines,
} from './expected-accesses.ts';
import { type GuestRun, recordGuest } from './micro-guest.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('page faults', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuest('faults');
  });
  afterAll(() => run?.close());

  it('at the only access leave nothing of the attempt', () => {
    expect(recordedLines(run, 0)).toEqual(
      expectedLines(
        run,
        `s_one  r4:data+8
         ${mapPageLines('missing')}
         s_load r8:missing+8
         s_two  w4:data+8`,
      ),
    );
    expect(recordedEvents(run, 0)).toEqual(['exception 14 at s_load error 0 address 0x415008']);
  });

  it('at the second access leave the first, as aborted', () => {
    expect(recordedLines(run, 2)).toEqual(
      expectedLines(
        run,
        `? s_movs r8:data!aborted
         ${mapPageLines('missing')}
         s_movs r8:data w8:missing
         s_aft  r4:data`,
      ),
    );
    expect(recordedLines(run, 8)).toEqual(
      expectedLines(
        run,
        `s_push r8:data w8:top-8
         ? s_pop r8:top-8!aborted
         ${mapPageLines('missing', 'STACK-16')}
         s_pop  r8:top-8 w8:missing`,
      ),
    );
  });

  it('of a read-modify-write on a read-only page leave its load, as aborted', () => {
    expect(recordedLines(run, 4)).toEqual(
      expectedLines(
        run,
        `s_bef  r4:data
         ? s_rmw r4:readonly!aborted
         ${mapPageLines('readonly')}
         s_rmw  r4:readonly w4:readonly
         s_rmw2 r4:readonly w4:readonly`,
      ),
    );
    expect(recordedEvents(run, 4)).toEqual(['exception 14 at s_rmw error 3 address 0x416000']);
  });

  it('in the second page of an access leave nothing of the attempt', () => {
    expect(recordedLines(run, 6)).toEqual(
      expectedLines(
        run,
        `${mapPageLines('missing')}
         s_cross w8:missing-4@missing-4,missing
         s_cros2 r4:missing-4`,
      ),
    );
    expect(recordedEvents(run, 6)).toEqual(['exception 14 at s_cross error 2 address 0x415000']);
  });

  it('interrupt one of many executions of a block', () => {
    const round = (page: string): string => `l_load r4:data+4
      l_page w4:${page}
      l_sub  r4:${page}+8 w4:${page}+8
      - 3`;
    expect(recordedLines(run, 10)).toEqual(
      expectedLines(
        run,
        `${round('missing-0x2000')}
         ${round('missing-0x1000')}
         l_load r4:data+4
         ${mapPageLines('missing')}
         l_page w4:missing
         l_sub  r4:missing+8 w4:missing+8
         - 3
         ${round('missing+0x1000')}
         ${round('missing+0x2000')}`,
      ),
    );
  });

  it('of a handler come back to the handler', () => {
    expect(recordedLines(run, 19)).toEqual(
      expectedLines(
        run,
        `n_int
         ${mapPageLines('missing', 'STACK-48')}
         on_int_touching r8:missing
         nt_ret ${interruptReturn('top')}
         n_two  w4:data`,
      ),
    );
    expect(recordedEvents(run, 19)).toEqual([
      'software interrupt 65 at n_int',
      'exception 14 at on_int_touching error 0 address 0x415000',
    ]);
  });

  it('of the instruction fetch cut no instruction', () => {
    expect(recordedLines(run, 21)).toEqual(
      expectedLines(
        run,
        `x_call w8:top-8
         -
         ${mapPageLines('exec_next', 'STACK-16')}
         straddle r8:data
         target r8:top-8
         x_two  w4:data`,
      ),
    );
    expect(recordedEvents(run, 21)).toEqual(['exception 14 at straddle error 0 address 0x419000']);
    expect(recordedLines(run, 23)).toEqual(
      expectedLines(
        run,
        `t_call w8:top-8
         ${mapPageLines('exec_next', 'STACK-16')}
         target r8:top-8
         t_two  w4:data`,
      ),
    );
    expect(recordedEvents(run, 23)).toEqual(['exception 14 at target error 0 address 0x419005']);
    const [totals] = run.trace.totals?.streams ?? [];
    expect(totals?.unresolvedCuts).toBe(0);
  });
});

describe.skipIf(!PLUGIN_IS_BUILT)('other exceptions and software interrupts', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuest('faults');
  });
  afterAll(() => run?.close());

  it('of an instruction that never completes count it not at all', () => {
    const stores = (name: string, handler: string, rest: string): string =>
      `${name}_one w4:data
       ${handler} r4:hits w4:hits
       ${rest}
       ${name}_two w4:data`;
    const back = interruptReturn('top');
    expect(recordedLines(run, 12)).toEqual(
      expectedLines(run, stores('d', 'on_divide', `de_add r8:top-40 w8:top-40\n de_ret ${back}`)),
    );
    expect(recordedLines(run, 13)).toEqual(
      expectedLines(
        run,
        stores('u', 'on_undefined', `ud_add r8:top-40 w8:top-40\n ud_ret ${back}`),
      ),
    );
    expect(recordedLines(run, 15)).toEqual(
      expectedLines(
        run,
        stores('g', 'on_protection', `-\n gp_add r8:top-40 w8:top-40\n gp_ret ${back}`),
      ),
    );
    expect(recordedEvents(run, 12)).toEqual(['exception 0 at d_div']);
    expect(recordedEvents(run, 13)).toEqual(['exception 6 at u_ud2']);
    expect(recordedEvents(run, 15)).toEqual(['exception 13 at g_sel']);
  });

  it('int n and int3 complete, then their handler runs', () => {
    const handler = `on_int r4:hits w4:hits
      in_ret ${interruptReturn('top')}`;
    expect(recordedLines(run, 17)).toEqual(
      expectedLines(
        run,
        `i_one  w4:data
         i_int
         ${handler}
         i_two  w4:data
         i_int3
         ${handler}
         i_tri  w4:data`,
      ),
    );
    expect(recordedEvents(run, 17)).toEqual([
      'software interrupt 64 at i_int',
      'software interrupt 3 at i_int3',
    ]);
  });

  it('single steps follow each instruction, and each element of a string', () => {
    const step = (top: string): string => `on_step r4:hits w4:hits
      st_ret ${interruptReturn(top)}`;
    const extra = run.qemu.version.major < 10 ? 0 : 1;
    expect(recordedLines(run, 25)).toEqual(
      expectedLines(
        run,
        `t_push w8:top-8
         t_or   r8:top-8 w8:top-8
         t_popf r8:top-8
         -      ; t_nop
         ${step('top')}
         t_load r4:data
         ${step('top')}
         ? t_rep r1:data w1:data+0x40
         ${step('top')}
         ${extra === 0 ? '' : `? t_rep r1:data+1 w1:data+0x41\n ${step('top')}`}
         ${extra === 0 ? 't_rep r1:data+1 w1:data+0x41' : '-'}
         ${step('top')}
         t_off  w8:top-8
         ${step('top-16')}
         t_and  r8:top-8 w8:top-8
         ${step('top-16')}
         t_end  r8:top-8
         ${step('top')}
         t_last w4:data`,
      ),
    );
    expect(recordedEvents(run, 25)).toEqual(
      [
        ...['t_load', 't_rep', 't_rep', ...(extra === 0 ? [] : ['t_rep'])],
        ...['t_off', 't_and', 't_end', 't_last'],
      ].map((at) => `exception 1 at ${at}`),
    );
  });
});
