// SPDX-License-Identifier: Apache-2.0
// What the CPU itself reads and writes when a bare guest takes exceptions and interrupts: gates, segment
// descriptors, the TSS, the frame. No callback of QEMU reports these accesses; they are worked out.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessLines, addressOf, sectionOf } from './expected-accesses.ts';
import { type Access, type GuestRun, recordGuest } from './micro-guest.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

/** The deliveries between a mark and the next one, an access a line, and what comes right after each. */
function deliveries(run: GuestRun, mark: number): string[] {
  const { begin, inside } = sectionOf(run, mark);
  const isDelivery = ({ origin }: Access): boolean => origin === 'eventDelivery';
  const kept = inside.filter(
    (access, i) => isDelivery(access) || (i > 0 && isDelivery(inside[i - 1] ?? access)),
  );
  return accessLines(run, kept, begin.icount + 1).map((line) =>
    line.replace(/^\+\d+ /, '').replace(/@.*/, ''),
  );
}

/** Of a 64-bit interrupt gate: SDM 3A 6.14, in QEMU's order and access sizes. */
function gateLines(run: GuestRun, at: string, vector: number, pushes: readonly string[]): string[] {
  const hex = (text: string): string => `0x${addressOf(run, text).toString(16)}`;
  const gate = `IDT+${vector * 16}`;
  return [
    ...[gate, `${gate}+4`, `${gate}+8`, 'gdt+KCODE', 'gdt+KCODE+4'].map(
      (where) => `r4:${hex(where)}`,
    ),
    ...pushes.map((push) => `${push.slice(0, 3)}${hex(push.slice(3))}`),
  ].map((line) => `${at} ${line}`);
}

function frame(top: string, words: number): string[] {
  return Array.from({ length: words }, (_, i) => `w8:${top}-${(i + 1) * 8}`);
}

describe.skipIf(!PLUGIN_IS_BUILT)('event delivery', () => {
  let faults: GuestRun;
  let levels: GuestRun;
  let irq: GuestRun;

  beforeAll(async () => {
    [faults, levels, irq] = [
      await recordGuest('faults'),
      await recordGuest('levels'),
      await recordGuest('irq'),
    ];
  });
  afterAll(async () => {
    for (const run of [faults, levels, irq]) await run?.close();
  });

  it('of a page fault pushes an error code, before the handler runs', () => {
    const handler = addressOf(faults, 'STACK-56').toString(16);
    expect(deliveries(faults, 0)).toEqual([
      ...gateLines(faults, 's_load', 14, frame('STACK', 6)),
      `map_page w8:0x${handler}`,
    ]);
  });

  it('of an interrupt from CPL 3 takes the stack from the TSS', () => {
    const [first, ...rest] = deliveries(levels, 0);
    const expected = gateLines(levels, 'u_int', 0x40, ['r8:TSS+4', ...frame('top0', 5)]);
    expect([first, ...rest].slice(0, expected.length)).toEqual(expected);
  });

  it('of interrupts from outside is there each time, and memory holds what was pushed', () => {
    const [totals] = irq.trace.totals?.streams ?? [];
    const events = irq.notes.filter((note) => note.kind === 'event');
    expect(events.length).toBeGreaterThan(10);
    expect(totals?.deliveries).toBe(events.length);
    expect(totals?.deliveryMismatches).toBe(0);
    const pushes = irq.accesses.filter(({ origin, store }) => origin === 'eventDelivery' && store);
    expect(pushes).toHaveLength(events.length * 5);
  });

  it('is complete: of every event of these guests', () => {
    for (const run of [faults, levels, irq]) {
      const [totals] = run.trace.totals?.streams ?? [];
      expect(totals?.missingDeliveries).toBe(0);
      expect(totals?.deliveryMismatches).toBe(0);
      expect(totals?.strays).toBe(0);
    }
  });
});
