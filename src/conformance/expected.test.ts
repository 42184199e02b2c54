// SPDX-License-Identifier: Apache-2.0
// The language on small sources: what comes out of it, and which mistakes are found.

import { describe, expect, it } from 'vitest';
import type { GuestFile } from '../guests/index.ts';
import { type Expectation, expectationOf } from './expected.ts';
import { parseGuest } from './guest-source.ts';

/** Each line of code is assembled to 16 bytes. */
function guestOf(source: string): GuestFile {
  const symbols = new Map([
    ['TABLES', 0x200000n],
    ['data', 0x400000n],
    ['page', 0x401000n],
  ]);
  const lines = source.split('\n').map((text, index) => {
    const number = index + 1;
    const code = text.replace(/;.*/, '').trim();
    const own = /^(\w+):/.exec(code)?.[1];
    const label = own ?? `..@test_${number}`;
    const isCode = code !== '' && !code.startsWith('%') && !code.startsWith('bits');
    if (isCode) symbols.set(label, BigInt(0x100000 + 16 * number));
    return { file: 'test.asm', number, text, label: isCode ? label : undefined };
  });
  return { name: 'test', image: '', symbols, machines: [], lines };
}

const TARGET = { version: { major: 10, minor: 0 }, thread: 'single' } as const;

function expectationIn(
  source: string,
  target: Parameters<typeof expectationOf>[3] = TARGET,
): Expectation {
  const guest = guestOf(source);
  const parsed = parseGuest(guest);
  const [first] = parsed.cases;
  if (first === undefined) throw new Error('no case');
  return expectationOf(guest, parsed, first, target);
}

/** "+0 r4:400000", "event 14" */
function shown(expectation: Expectation): string[] {
  return expectation.happenings.map((each) => {
    if (each.kind === 'event') return `event ${each.vector} ${each.by} ${each.at.toString(16)}`;
    const { icount, store, size, vaddr, origin, cpl } = each.access;
    const by = origin === 'instruction' ? '' : ` ${origin}`;
    const hole = each.hole === undefined ? '' : ' hole';
    return `+${icount} ${store ? 'w' : 'r'}${size}:${vaddr.toString(16)} cpl${cpl}${by}${hole}`;
  });
}

function caseOf(...body: readonly string[]): string {
  return ['CASE a, "b; c", rmw', ...body, 'ENDCASE'].join('\n');
}

describe('a case', () => {
  it('counts every line of code as an instruction, in the order of the source', () => {
    const expectation = expectationIn(
      caseOf('mov eax, 1', 'add [data], eax ;= r4:data w4:data ; prose', 'STRING 1 ;= - 3'),
    );
    expect(shown(expectation)).toEqual(['+1 r4:400000 cpl0', '+1 w4:400000 cpl0']);
    expect(expectation.instructions).toBe(5);
  });

  it('follows sequences, repetitions, definitions and changes of mode', () => {
    const expectation = expectationIn(`
      ;= define twice(at) r1:at 2{w1:at+8*i}
      ;= cpl 3
      ${caseOf(
        'call f ;= w8:data-8',
        ';= run f(page)',
        ';= repeat 2 as n',
        ';= f r1:data+n',
        ';= endrepeat',
        ';= cpl 0',
        ';= f w1:data',
        ';= + w1:data+1',
      )}
      ;= sequence f(at)
      f: nop ;= twice(at+1)
      ;= endsequence`);
    expect(shown(expectation)).toEqual([
      '+0 w8:3ffff8 cpl3',
      '+1 r1:401001 cpl3',
      '+1 w1:401001 cpl3',
      '+1 w1:401009 cpl3',
      '+2 r1:400000 cpl3',
      '+3 r1:400001 cpl3',
      '+4 w1:400000 cpl0',
      '+4 w1:400001 cpl0',
    ]);
    expect(expectation.instructions).toBe(5);
  });

  it('is of the mode that bits, a macro that goes to another, or a statement says last', () => {
    const source = (...before: string[]): string =>
      [...before, caseOf('nop'), '%macro TO_32 0', 'bits 32', '%endmacro', 'bits 64'].join('\n');
    const modeOf = (...before: string[]): string | undefined =>
      parseGuest(guestOf(source(...before))).cases[0]?.mode;
    expect(modeOf()).toBe('64-bit');
    expect(modeOf('TO_32')).toBe('32-bit');
    expect(modeOf('TO_32', 'bits 16')).toBe('16-bit');
    expect(modeOf('bits 16', 'TO_32')).toBe('32-bit');
    expect(modeOf(';= mode real')).toBe('real');
  });

  it('has events with their delivery, attempts that are not counted, and holes', () => {
    const expectation = expectationIn(
      caseOf(
        ';= ? s w4:data!aborted',
        ';= event 14 error 2 cr2 page at s: r12:data ;! accesses threads-hide-events [>=10]',
        's: mov [page], eax ;= walk:w8:data w4:page',
      ),
      { ...TARGET, thread: 'multi' },
    );
    expect(shown(expectation)).toEqual([
      '+0 w4:400000 cpl0',
      'event 14 exception 100040',
      '+0 r12:400000 cpl0 eventDelivery hole',
      '+0 w8:400000 cpl0 pageWalk',
      '+0 w4:401000 cpl0',
    ]);
    expect(expectation.instructions).toBe(1);
  });

  it('has events that are at no place and lead through no table', () => {
    const expectation = expectationIn(
      caseOf(';= event smm-enter: w2:page ;! accesses smm-state-save', ';= event smm-leave'),
    );
    expect(shown(expectation)).toEqual([
      'event 0 smm-enter ffffffffffffffff',
      '+0 w2:401000 cpl0 eventDelivery hole',
      'event 0 smm-leave ffffffffffffffff',
    ]);
  });

  it('takes the first of several rules of a line that applies', () => {
    const source = caseOf(
      'nop ;= r1:data ;~ task-flag-in-four-bytes [>=11]: r2:data ;~ ins-stores-zero-first [<10]: r3:data ;~ ins-stores-zero-first: r4:data',
    );
    const { happenings, rules } = expectationIn(source);
    expect(happenings).toMatchObject([{ access: { size: 4 } }]);
    expect([...rules]).toEqual(['ins-stores-zero-first']);
  });

  it('has a hole for a part of what an instruction accesses', () => {
    const expectation = expectationIn(
      caseOf('mov eax, [page] ;= walk:w8:data ;! first-fetch', ';= + r4:page'),
      { ...TARGET, version: { major: 7, minor: 2 } },
    );
    expect(shown(expectation)).toEqual(['+0 w8:400000 cpl0 pageWalk hole', '+0 r4:401000 cpl0']);
    expect(expectation.instructions).toBe(1);
  });

  it('applies rules to the QEMUs that they name', () => {
    const source = caseOf(
      'cmpsb ;= r1:data r1:page ;~ cmps-second-first [>=10]: r1:page r1:data',
      ';~ step-after-last-element: -',
      ';~ not step-after-last-element: x r1:data',
      'x: nop ;= - 0',
    );
    const [first, second] = [
      expectationIn(source),
      expectationIn(source, { ...TARGET, version: { major: 7, minor: 2 } }),
    ];
    expect(shown(first)).toEqual(['+0 r1:401000 cpl0', '+0 r1:400000 cpl0']);
    expect([...first.rules]).toEqual(['cmps-second-first', 'step-after-last-element']);
    expect(shown(second)).toEqual(['+0 r1:400000 cpl0', '+0 r1:401000 cpl0', '+1 r1:400000 cpl0']);
    expect([first.instructions, second.instructions]).toEqual([2, 2]);
  });
});

describe('mistakes', () => {
  it.each([
    ['an unknown kind', 'CASE a, "b", loads\nENDCASE', 'test.asm:1: "loads" is no kind'],
    ['no access', caseOf('nop ;= r4'), 'test.asm:2: "r4" is no access'],
    ['an unknown rule', caseOf('nop ;= r4:data ;~ magic: r4:data'), '"magic" is no rule'],
    ['an unknown hole', caseOf('nop ;= r4:data ;! magic'), '"magic" is no hole'],
    [
      'a hole for a continuation',
      caseOf('nop ;= r4:data', ';= + r4:page ;! first-fetch'),
      'test.asm:3: a continuation is never in a hole',
    ],
    ['an unknown symbol', caseOf('nop ;= r4:nowhere'), 'test.asm:2'],
    ['an unknown sequence', caseOf(';= run nothing()'), 'a sequence "nothing"'],
    ['a case that is not ended', 'CASE a, "b", rmw', 'is not ended'],
    ['an end without a begin', 'ENDCASE', 'nothing to end'],
    ['a repeat that is not ended', caseOf(';= repeat 2'), 'a repeat is not ended'],
    ['accesses outside of a case', 'nop ;= r4:data', 'outside of a case'],
    ['a statement outside of a case', ';= data r4:data', 'outside of a case'],
    ['too few arguments', `;= define f(a) r1:a\n${caseOf('nop ;= f()')}`, '1 arguments'],
    [
      'a rule for a statement beside an instruction',
      caseOf('nop ;= r4:data ;~ redone-for-code: r4:data'),
      'for statements of their own',
    ],
    [
      'a rule that excuses an access that is not there',
      caseOf('nop ;= r4:data w4:data ;~ lock-neg-loads-twice: r4:data r4:data'),
      'leaves out what the manual prescribes',
    ],
    [
      'a rule of less that leaves out nothing',
      caseOf('nop ;= r2:data ;~ mxcsr-only-with-sse: r1:data r1:data+1'),
      'leaves out nothing of what the manual prescribes',
    ],
    [
      'a rule of less that adds',
      caseOf('nop ;= r2:data ;~ mxcsr-only-with-sse: r1:data r1:page'),
      'adds to what the manual prescribes',
    ],
    [
      'a rule of order that adds',
      caseOf('nop ;= r1:data ;~ cmps-second-first: r1:data r1:page'),
      'allows another order only',
    ],
  ])('%s', (_what, source, message) => {
    expect(() => expectationIn(source)).toThrow(message);
  });
});
