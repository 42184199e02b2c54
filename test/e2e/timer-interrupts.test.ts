// SPDX-License-Identifier: Apache-2.0
// A bare guest that a timer interrupts, nobody knows where: without the handler's part, what is left is what
// would have been without interrupts, to the instruction.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Access, GuestRun } from '../../src/guests/index.ts';
import {
  accessLines,
  addressOf,
  declaredLines,
  isOfInstruction,
  recordGuestNamed,
  sectionOf,
} from './guest-sections.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

const VECTOR = 0x30;
const HANDLER_INSTRUCTIONS = 9;

interface Parted {
  /** What happened outside the handler, as text, counting no instruction of the handler. */
  readonly lines: string[];
  /** The accesses of each run of the handler. */
  readonly handled: Access[][];
  /** Where each returned to. */
  readonly returns: bigint[];
}

// With -icount, the timer is driven by the guest's own instructions, however busy the host is.
describe.skipIf(!PLUGIN_IS_BUILT).each(['', 'icount'])('timer interrupts, %j', (machine) => {
  let run: GuestRun;

  beforeAll(async () => {
    run = await recordGuestNamed('irq', machine);
  });
  afterAll(() => run?.close());

  function part(mark: number): Parted {
    const { begin, end, inside } = sectionOf(run, mark);
    const events = run.notes.flatMap((note) =>
      note.kind === 'event' && note.ordinal > begin.ordinal && note.ordinal <= end.ordinal
        ? [note]
        : [],
    );
    for (const { vector, what } of events) expect([vector, what >> 8]).toEqual([VECTOR, 0x21]);
    const outside: Access[] = [];
    const handled: Access[][] = [];
    const inHandler = (pc: bigint): boolean =>
      pc >= addressOf(run, 'on_timer') && pc <= addressOf(run, 'v_ret');
    for (const access of inside.filter(isOfInstruction)) {
      if (access.pc === addressOf(run, 'on_timer')) handled.push([]);
      const skipped = handled.length * HANDLER_INSTRUCTIONS;
      if (inHandler(access.pc)) handled.at(-1)?.push(access);
      else outside.push({ ...access, icount: access.icount - skipped });
    }
    const instructions = end.icount - begin.icount - 1 - handled.length * HANDLER_INSTRUCTIONS;
    return {
      lines: accessLines(run, outside, begin.icount + 1, instructions),
      handled,
      returns: events.map(({ ip }) => ip),
    };
  }

  /** The handler's runs are whole, and in the places that the events tell. */
  function expectHandlers({ handled, returns }: Parted): void {
    expect(handled).toHaveLength(returns.length);
    const inRow = handled.flatMap((accesses, i) => {
      const skipped = (accesses[0]?.icount ?? 0) - i * HANDLER_INSTRUCTIONS;
      return accesses.map((access) => ({ ...access, icount: access.icount - skipped }));
    });
    const runs = returns.map((at, i) => {
      const isCalled = at >= addressOf(run, 'b_sub') && at <= addressOf(run, 'b_ret');
      return `run on_timer(${i}, ${isCalled ? 'top-16' : 'top'})`;
    });
    const instructions = handled.length * HANDLER_INSTRUCTIONS;
    expectEqual(accessLines(run, inRow, 0, instructions), declaredLines(run, runs));
  }

  it('come between instructions of a loop, and take none away', () => {
    const parted = part(0);
    expect(parted.handled.length).toBeGreaterThanOrEqual(50);
    expectHandlers(parted);
    const [low, high] = sectionOf(run, 2).inside.filter(isOfInstruction);
    const rounds =
      Number((low?.vaddr ?? 0n) - addressOf(run, 'rounds_low')) +
      Number((high?.vaddr ?? 0n) - addressOf(run, 'rounds_high')) * 4096;
    expect(rounds).toBeGreaterThanOrEqual(2000);
    expectEqual(
      parted.lines,
      declaredLines(run, [
        'b_on w4:LAPIC+0x380!device',
        '-',
        `repeat ${rounds}`,
        'run busy_round()',
        'endrepeat',
        '-',
        'b_off w4:LAPIC+0x380!device',
      ]),
    );
  });

  it('come into a string instruction, which is one instruction still', () => {
    const parted = part(4);
    expectHandlers(parted);
    expect(parted.returns).toContain(addressOf(run, 'f_fill'));
    expectEqual(parted.lines, declaredLines(run, ['- 3', 'run fill()', '-']));
  });

  it('wake from hlt, behind it', () => {
    const parted = part(6);
    expectHandlers(parted);
    const wakes = parted.lines.filter((line) => line.includes(' w_keep ')).length;
    expect(wakes).toBeGreaterThanOrEqual(1);
    expectEqual(
      parted.lines,
      declaredLines(run, [
        'w_on w4:LAPIC+0x380!device',
        `repeat ${wakes}`,
        'run wake()',
        'endrepeat',
        'w_off w4:LAPIC+0x380!device',
      ]),
    );
    expect(parted.returns).toContain(addressOf(run, 'w_woke'));
  });

  it('have their delivery in the trace each time, and memory holds what was pushed', () => {
    const [totals] = run.trace.totals?.streams ?? [];
    const events = run.notes.filter(({ kind }) => kind === 'event');
    expect(events.length).toBeGreaterThan(50);
    expect(totals?.deliveries).toBe(events.length);
    expect(totals?.missingDeliveries).toBe(0);
    expect(totals?.deliveryMismatches).toBe(0);
    const pushes = run.accesses.filter(({ origin, store }) => origin === 'eventDelivery' && store);
    expect(pushes).toHaveLength(events.length * 5);
  });

  it('of QEMU 7.2 report some of their delivery themselves, just as it is worked out', () => {
    const [totals] = run.trace.totals?.streams ?? [];
    // Those that come after a ret, of which there are some among 50.
    expect((totals?.confirmedDeliveries ?? 0) > 0).toBe(run.qemu.version.major < 10);
    expect(totals?.strays).toBe(0);
    expect(totals?.unresolvedCuts).toBe(0);
  });
});

/** Lists of many thousand lines are too long to be shown. */
function expectEqual(found: readonly string[], declared: readonly string[]): void {
  const index = found.findIndex((line, i) => line !== declared[i]);
  expect([index, found[index]]).toEqual([-1, declared[index]]);
  expect(found).toHaveLength(declared.length);
}
