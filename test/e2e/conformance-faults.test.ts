// SPDX-License-Identifier: Apache-2.0
// Break it to believe it: what a recorder could do wrong is done to a good run, and each time a case says so.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireDefined } from '../../src/base/index.ts';
import { judgeCase, parseGuest } from '../../src/conformance/index.ts';
import type { Access, GuestRun } from '../../src/guests/index.ts';
import { recordGuestNamed } from './guest-sections.ts';
import { PLUGIN_IS_BUILT } from './run-loadstore.ts';

type Changed = Partial<Pick<GuestRun, 'accesses' | 'notes'>>;

/** The cases, of all or of one id, that are not as declared when these are the accesses and the notes. */
function unexplainedIn(run: GuestRun, changed: Changed, id?: string): string[] {
  const source = parseGuest(run.guest);
  const cases = source.cases.filter((each) => id === undefined || each.id === id);
  return cases.flatMap((each) => {
    const { reason } = judgeCase({ ...run, ...changed }, 'single', source, each);
    return reason.startsWith('unexplained') ? [each.id] : [];
  });
}

const FAULTS: Readonly<Record<string, (access: Access) => readonly Access[]>> = {
  'an access that was lost': () => [],
  'an access that is there twice': (access) => [access, access],
  'an address that is off by one': (access) => [{ ...access, vaddr: access.vaddr + 1n }],
  'the wrong frame': (access) => [{ ...access, paddr: access.paddr + 4096n }],
  'a load that was a store': (access) => [{ ...access, store: !access.store }],
  'the wrong size': (access) => [{ ...access, size: access.size / 2 }],
  'another instruction': (access) => [{ ...access, pc: access.pc + 1n }],
  'an instruction too late': (access) => [{ ...access, icount: access.icount + 1 }],
  'the wrong privilege': (access) => [{ ...access, cpl: 3 }],
  'the wrong origin': (access) => [
    { ...access, origin: access.origin === 'instruction' ? 'pageWalk' : 'instruction' },
  ],
};

describe.skipIf(!PLUGIN_IS_BUILT)('a case finds', () => {
  let plain: GuestRun;
  let faults: GuestRun;

  beforeAll(async () => {
    plain = await recordGuestNamed('plain');
    faults = await recordGuestNamed('faults');
  });
  afterAll(async () => {
    await plain?.close();
    await faults?.close();
  });

  /** The accesses between the marks of a case. */
  function insideOf(run: GuestRun, id: string): { first: number; end: number } {
    const found = parseGuest(run.guest).cases.find((each) => each.id === id);
    const at = (label: string | undefined): number => {
      const pc = run.guest.symbols.get(label ?? '');
      return run.accesses.findIndex((access) => access.pc === pc && access.store);
    };
    return { first: at(found?.begin.label) + 1, end: at(found?.end.label) };
  }

  it('nothing when nothing is wrong', () => {
    expect([unexplainedIn(plain, {}), unexplainedIn(faults, {})]).toEqual([[], []]);
  });

  it.each(Object.keys(FAULTS))('%s, at every access of the case', (what) => {
    const fault = requireDefined(FAULTS[what], what);
    const { first, end } = insideOf(plain, 'call-ret');
    expect(end - first).toBeGreaterThan(12);
    for (let index = first; index < end; index++) {
      const accesses = plain.accesses.flatMap((access, i) =>
        i === index ? fault(access) : [access],
      );
      const found = unexplainedIn(plain, { accesses }, 'call-ret');
      expect([index - first, found]).toEqual([index - first, ['call-ret']]);
    }
  });

  it('a word of an event frame, and an event, that were lost', () => {
    const { first, end } = insideOf(faults, 'fault-load');
    const isFrame = (access: Access, i: number): boolean =>
      i >= first && i < end && access.origin === 'eventDelivery' && access.store;
    const index = faults.accesses.findIndex(isFrame);
    expect(
      unexplainedIn(faults, { accesses: faults.accesses.filter((_, i) => i !== index) }),
    ).toEqual(['fault-load']);
    const event = faults.notes.findIndex(({ kind }) => kind === 'event');
    expect(unexplainedIn(faults, { notes: faults.notes.filter((_, i) => i !== event) })).toEqual([
      'fault-load',
    ]);
  });

  it('a hole that is declared, and is none', () => {
    const lines = plain.guest.lines.map((line) =>
      line.text.includes('setc [data') ? { ...line, text: `${line.text} ;! device-dma` } : line,
    );
    const run = { ...plain, guest: { ...plain.guest, lines } };
    const source = parseGuest(run.guest);
    const found = source.cases.find(({ id }) => id === 'setcc');
    const judgement = judgeCase(run, 'single', source, requireDefined(found, 'case setcc'));
    expect(judgement).toMatchObject({
      verdict: 'missing',
      reason: 'unexplained: device-dma is declared, and the accesses are there',
    });
  });
});
