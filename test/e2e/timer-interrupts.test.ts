// SPDX-License-Identifier: Apache-2.0
// A bare guest that a timer interrupts, nobody knows where: without the handler's part, what is left is what
// would have been without interrupts, to the instruction.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireDefined } from '../../src/base/index.ts';
import {
  accessLines,
  addressOf,
  eventsBetween,
  expectedLines,
  interruptReturn,
  isOfInstruction,
  sectionOf,
} from './expected-accesses.ts';
import { type Access, type GuestRun, recordGuest } from './micro-guest.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

const VECTOR = 0x30;
const HANDLER_INSTRUCTIONS = 9;
const HANDLER_ACCESSES = 14;

interface Parted {
  /** What happened outside the handler, as text, counting no instruction of the handler. */
  readonly lines: string[];
  /** The accesses of each run of the handler. */
  readonly handled: Access[][];
  /** Where each returned to. */
  readonly returns: bigint[];
}

describe.skipIf(!PLUGIN_IS_BUILT)('timer interrupts', () => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuest('irq');
  });
  afterAll(() => run?.close());

  function part(mark: number): Parted {
    const section = sectionOf(run, mark);
    const { begin, end } = section;
    const inside = section.inside.filter(isOfInstruction);
    const events = eventsBetween(run, begin, end);
    for (const { vector, what } of events) expect([vector, what >> 8]).toEqual([VECTOR, 0x21]);
    const outside: Access[] = [];
    const handled: Access[][] = [];
    const inHandler = (pc: bigint): boolean =>
      pc >= addressOf(run, 'on_timer') && pc <= addressOf(run, 'v_ret');
    for (const access of inside) {
      if (access.pc === addressOf(run, 'on_timer')) handled.push([]);
      const skipped = handled.length * HANDLER_INSTRUCTIONS;
      if (inHandler(access.pc)) handled.at(-1)?.push(access);
      else outside.push({ ...access, icount: access.icount - skipped });
    }
    const total = end.icount - begin.icount - 1 - handled.length * HANDLER_INSTRUCTIONS;
    return {
      lines: [...accessLines(run, outside, begin.icount + 1), `${total} instructions`],
      handled,
      returns: events.map(({ ip }) => ip),
    };
  }

  /** The handler's runs are whole, and in the places that the events tell. */
  function expectHandlers({ handled, returns }: Parted): void {
    expect(handled).toHaveLength(returns.length);
    for (const [i, accesses] of handled.entries()) {
      const at = requireDefined(returns[i], 'as many as runs');
      const isCalled = at >= addressOf(run, 'b_sub') && at <= addressOf(run, 'b_ret');
      const top = isCalled ? 'top-16' : 'top';
      const expected = expectedLines(
        run,
        `on_timer w8:${top}-48
         v_log    w1:log+${i}
         -
         v_from   r8:${top}-40
         - 2
         v_end    w4:end_of_irq!device
         v_pop    r8:${top}-48
         v_ret    ${interruptReturn(top)}`,
      );
      expect(accesses).toHaveLength(HANDLER_ACCESSES);
      expect(accessLines(run, accesses, accesses[0]?.icount ?? 0)).toEqual(expected.slice(0, -1));
    }
  }

  it('come between instructions of a loop, and take none away', () => {
    const parted = part(0);
    expect(parted.handled.length).toBeGreaterThanOrEqual(80);
    expectHandlers(parted);
    const [low, high] = sectionOf(run, 2).inside.filter(isOfInstruction);
    const rounds =
      Number((low?.vaddr ?? 0n) - addressOf(run, 'rounds_low')) +
      Number((high?.vaddr ?? 0n) - addressOf(run, 'rounds_high')) * 4096;
    expect(rounds).toBeGreaterThanOrEqual(2000);
    const round = `b_round r4:data w4:data
      b_call w8:top-8
      b_sub  r4:data
      b_ret  r8:top-8
      - 48`;
    const expected = expectedLines(
      run,
      `b_on w4:LAPIC+0x380!device
       -
       ${Array.from({ length: rounds }, () => round).join('\n')}
       -
       b_off w4:LAPIC+0x380!device`,
    );
    expect(parted.lines.length).toBe(expected.length);
    expect(firstDifference(parted.lines, expected)).toBeUndefined();
  });

  it('come into a string instruction, which is one instruction still', () => {
    const parted = part(4);
    expectHandlers(parted);
    const bytes = Number(addressOf(run, 'FILL_BYTES'));
    const rounds = parted.lines.filter((line) => line.includes(' f_next ')).length;
    const stores = Array.from({ length: bytes }, (_, i) => `w1:filled+${i}`).join(' ');
    const round = `- 2
      f_fill ${stores}
      f_next w4:data
      - 2`;
    const expected = expectedLines(
      run,
      `f_on   w4:LAPIC+0x380!device
       - 3
       ${Array.from({ length: rounds }, () => round).join('\n')}
       -
       f_off  w4:LAPIC+0x380!device`,
    );
    expect(parted.returns).toContain(addressOf(run, 'f_fill'));
    expect(parted.lines.length).toBe(expected.length);
    expect(firstDifference(parted.lines, expected)).toBeUndefined();
  });

  it('wake from hlt, behind it', () => {
    const parted = part(6);
    expectHandlers(parted);
    const wakes = parted.lines.filter((line) => line.includes(' w_keep ')).length;
    expect(wakes).toBeGreaterThanOrEqual(1);
    expect(parted.lines).toEqual(
      expectedLines(
        run,
        `w_on   w4:LAPIC+0x380!device
         ${Array.from({ length: wakes }, () => '- 3\n w_keep w4:data\n - 2').join('\n')}
         w_off  w4:LAPIC+0x380!device`,
      ),
    );
    expect(parted.returns).toContain(addressOf(run, 'w_woke'));
  });

  it('of QEMU 7.2 report some of their delivery themselves, just as it is worked out', () => {
    const [totals] = run.trace.totals?.streams ?? [];
    // Those that come after a ret, of which there are some among 80.
    expect((totals?.confirmedDeliveries ?? 0) > 0).toBe(run.qemu.version.major < 10);
    expect(totals?.strays).toBe(0);
    expect(totals?.unresolvedCuts).toBe(0);
  });
});

/** Lists of many thousand lines are too long to be shown. */
function firstDifference(found: readonly string[], expected: readonly string[]): unknown {
  const index = found.findIndex((line, i) => line !== expected[i]);
  return index < 0 ? undefined : { index, found: found[index], expected: expected[index] };
}
