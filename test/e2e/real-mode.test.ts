// SPDX-License-Identifier: Apache-2.0
// A bare guest's first instructions: real mode, where linear addresses are sums with segment bases.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addressOf,
  expectedLines,
  recordedEvents,
  recordedLines,
  sectionOf,
} from './expected-accesses.ts';
import { type GuestRun, recordGuest } from './micro-guest.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('real mode', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuest('real');
  });
  afterAll(() => run?.close());

  it('has linear addresses of code and data', () => {
    expect(recordedLines(run, 0)).toEqual(
      expectedLines(
        run,
        `= cr3 0
         h_load_at  r2:data
         h_add_at   r2:data+2 w2:data+2
         h_push_at  w2:stack16-2
         h_call_at  w2:stack16-4
         h_sub_at   r2:data+4 w2:data+4
         h_ret_at   r2:stack16-4
         h_pop_at   r2:stack16-2
         -
         l_load_at  r4:data
         -          ; int 0x82: what it loads and stores itself is not reported by QEMU
         handler_at r2:data+6 w2:data+6
         i_ret_at   r2:stack16-6 r2:stack16-4 r2:stack16-2
         l_two_at   w2:data+8
         l_cs_at    r2:rom_word_at
         - 2
         l_seg_at   w2:0x12300+data
         l_es_at    w2:data+16
         l_fcal_at  w2:stack16-2 w2:stack16-4
         far_sub_at w2:stack16-6
         f_pop_at   r2:stack16-6
         f_ret_at   r2:stack16-4 r2:stack16-2
         - 5
         l_rep_at   r1:data w1:data+0x20 r1:data+1 w1:data+0x21 r1:data+2 w1:data+0x22
         l_end_at   w2:data+0x30`,
      ),
    );
  });

  it('has software interrupts, which QEMU does not log, and their delivery', () => {
    expect(recordedEvents(run, 0)).toEqual(['software interrupt 130 at l_int_at']);
    const { inside } = sectionOf(run, 0);
    const delivery = inside.filter(({ origin }) => origin === 'eventDelivery');
    expect(delivery.map(({ vaddr, size, store }) => [vaddr, size, store])).toEqual([
      [0x82n * 4n, 2, false],
      [0x82n * 4n + 2n, 2, false],
      [addressOf(run, 'stack16-2'), 2, true],
      [addressOf(run, 'stack16-4'), 2, true],
      [addressOf(run, 'stack16-6'), 2, true],
    ]);
  });

  it('has exceptions that QEMU does not log, and the trace says so', () => {
    const { status, why } = run.trace.capabilities.events;
    expect(status).toBe('partial');
    expect(why).toContain('real mode');
  });

  it('runs 16-bit code with mode bits of its own', () => {
    const id = Array.from({ length: run.trace.code.blockCount }, (_, i) => i).find(
      (i) => run.trace.code.vaddr(i) === run.symbols.get('l_load_at'),
    );
    // Neither PE nor CS32 nor CS64.
    expect(id).toBeDefined();
    expect((run.trace.code.mode(id ?? 0) ?? -1) & ((1 << 7) | (1 << 4) | (1 << 15))).toBe(0);
  });
});
