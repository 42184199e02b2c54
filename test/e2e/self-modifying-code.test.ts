// SPDX-License-Identifier: Apache-2.0
// Self-modifying code of a bare guest: QEMU does the storing instruction again, the trace has it once.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectedLines, recordedLines } from './expected-accesses.ts';
import { type GuestRun, recordGuest } from './micro-guest.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('self-modifying code', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuest('selfmod');
  });
  afterAll(() => run?.close());

  it('stores into its own block once', () => {
    expect(recordedLines(run, 0)).toEqual(
      expectedLines(
        run,
        `s_one  r4:data+8
         s_own  w1:p_own+1
         - 2
         s_two  w1:data`,
      ),
    );
  });

  it('loads for a store into its own block once, but for an aborted attempt', () => {
    expect(recordedLines(run, 2)).toEqual(
      expectedLines(
        run,
        `r_one  r4:data+8
         ? r_own r1:p_rmw+1!aborted
         r_own  r1:p_rmw+1 w1:p_rmw+1
         - 2
         r_two  w1:data`,
      ),
    );
    expect(recordedLines(run, 6)).toEqual(
      expectedLines(
        run,
        `t_one  r4:data+8
         ? t_movs r1:new_code!aborted
         t_movs r1:new_code w1:p_str
         ? t_mov2 r1:new_code+1!aborted
         t_mov2 r1:new_code+1 w1:p_str+1
         -
         t_two  w1:data`,
      ),
    );
  });

  it('stores into another block as anywhere', () => {
    const call = (where: string): string => `${where} w8:top-8
      -
      o_ret r8:top-8`;
    expect(recordedLines(run, 4)).toEqual(
      expectedLines(
        run,
        `${call('o_call')}
         o_set  w1:other+1
         ${call('o_two')}`,
      ),
    );
  });

  it('moves a string into the code that follows', () => {
    expect(recordedLines(run, 8)).toEqual(
      expectedLines(
        run,
        `q_one  r4:data+8
         q_rep  r1:new_code w1:p_rep r1:new_code+1 w1:p_rep+1
         -
         q_two  w1:data`,
      ),
    );
  });

  it('changes itself each time around a loop', () => {
    const stores = [4, 3, 2, 1].map(
      (i) => `w_set w1:p_loop+1
        -
        w_keep w1:data+${i}
        - 2`,
    );
    expect(recordedLines(run, 10)).toEqual(expectedLines(run, stores.join('\n')));
    const adds = [3, 2, 1].map(
      (i) => `? x_add r1:p_add+1!aborted
        x_add r1:p_add+1 w1:p_add+1
        -
        x_keep w1:data+${i}
        - 2`,
    );
    expect(recordedLines(run, 12)).toEqual(expectedLines(run, adds.join('\n')));
  });
});
