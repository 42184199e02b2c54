// SPDX-License-Identifier: Apache-2.0
// What the audit accepts, under which rule, and that one access that is wrong is reported.

import { describe, expect, it, test } from 'vitest';
import type { RefBlock, RefExecution, RefItem } from '../format/reference-trace.oracle.ts';
import type { AuditResult } from './audit-result.ts';
import { auditOpenTrace } from './audit-trace.ts';
import { block, MODE_16, MODE_32_USER, openItems, run } from './small-trace.oracle.ts';

async function audit(blocks: readonly RefBlock[], items: readonly RefItem[]): Promise<AuditResult> {
  return auditOpenTrace(await openItems(blocks, items));
}

/** The verdict in one line: recorded, expected, rules and what is inferred, then what is wrong. */
async function verdict(
  insns: readonly string[],
  executions: readonly RefExecution[],
  mode = 0xc0b0,
) {
  const { recorded, expected, rules, inferred, missing, extra, addressMismatches } = await audit(
    [block(insns, { mode })],
    executions,
  );
  return { recorded, expected, rules, inferred, missing, extra, addressMismatches };
}

function clean(recorded: number, expected = recorded, rules = {}, inferred = {}) {
  return { recorded, expected, rules, inferred, missing: 0, extra: 0, addressMismatches: 0 };
}

// push rbp; mov rax, [rdi+8]; mov [rdi+16], rax; add [rip+0x100], eax; pop rbp; ret
const PROGRAM = ['55', '488b4708', '48894710', '010500010000', '5d', 'c3'];
const NEXT_PC = 0xffff_ffff_8100_000fn;
const GLOBAL = (NEXT_PC + 0x100n).toString(16);
const GOOD = [
  '0 S8 7ff8',
  '1 L8 5008',
  '2 S8 5010',
  `3 L4 ${GLOBAL}`,
  `3 S4 ${GLOBAL}`,
  '4 L8 7ff8',
  '5 L8 8000',
];

/** The program many times, with another execution once in the middle. */
async function auditWith(wrong: readonly string[]): Promise<AuditResult> {
  const good = Array.from({ length: 20 }, () => run(0, GOOD));
  return audit([block(PROGRAM)], [...good, run(0, wrong), ...good]);
}

describe('an execution that is as the manual says', () => {
  it('is explained, access for access, and its addresses are checked', async () => {
    const result = await audit([block(PROGRAM)], [run(0, GOOD), run(0, GOOD)]);
    expect(result).toMatchObject({
      executions: 12,
      expected: 14,
      recorded: 14,
      explained: 0,
      unexplained: 0,
      // The global twice, [rdi+16] by [rdi+8], pop and ret by push.
      addressesChecked: 10,
      addressMismatches: 0,
      accesses: 14,
      placeCount: 0,
    });
    expect(result.byMnemonic.find(({ mnemonic }) => mnemonic === 'add')).toMatchObject({
      executions: 2,
      expected: 4,
      recorded: 4,
    });
  });
});

describe('one wrong access among many right ones is reported', () => {
  const without = (i: number): string[] => GOOD.filter((_, at) => at !== i);
  const changed = (i: number, access: string): string[] => GOOD.with(i, access);
  const global = { block: 0, instruction: 3, text: 'add [rel 0xffffffff8100010f], eax' };

  test.each<[string, readonly string[], object, object]>([
    ['a load is dropped', without(1), { missing: 1, extra: 0 }, { instruction: 1 }],
    ['a store is dropped', without(4), { missing: 1, extra: 0 }, { ...global, missing: 1 }],
    ['a store is told twice', [...GOOD, '2 S8 5010'], { missing: 0, extra: 1 }, { instruction: 2 }],
    [
      'a load is told as a store',
      changed(1, '1 S8 5008'),
      { missing: 1, extra: 1 },
      { instruction: 1 },
    ],
    [
      'a store has another size',
      changed(2, '2 S4 5010'),
      { missing: 1, extra: 1 },
      { instruction: 2 },
    ],
    [
      'a load is given to its neighbour',
      changed(1, '2 L8 5008'),
      { missing: 1, extra: 1 },
      { instruction: 1 },
    ],
    [
      'two neighbours are exchanged',
      changed(1, '2 L8 5008').with(2, '1 S8 5010'),
      { missing: 2, extra: 2 },
      { instruction: 1 },
    ],
    [
      'an address is shifted',
      changed(2, '2 S8 5018'),
      { unexplained: 0, addressMismatches: 1 },
      { instruction: 2, addressMismatches: 1 },
    ],
    [
      'a stack address is shifted',
      changed(5, '4 L8 7ff0'),
      { addressMismatches: 1 },
      { instruction: 4 },
    ],
    [
      'a fixed address is shifted',
      changed(3, '3 L4 ffffffff8100010e'),
      { addressMismatches: 1 },
      { ...global, addressMismatches: 1 },
    ],
    [
      'an address is wrong in its high half',
      changed(5, '4 L8 100007ff8'),
      { addressMismatches: 1 },
      { instruction: 4 },
    ],
  ])('%s', async (_what, accesses, expected, place) => {
    const result = await auditWith(accesses);
    expect(result).toMatchObject(expected);
    expect(result.places[0]).toMatchObject(place);
    expect(result.recorded).toBe(
      result.expected + result.explained + result.extra - result.missing,
    );
  });

  it('an access of an instruction that has none', async () => {
    expect(await verdict(['90', '488d4708'], [run(0, ['1 L8 5008'])])).toMatchObject({ extra: 1 });
  });
});

describe('split', () => {
  const MOVUPS = ['0f1007'];
  it('takes pieces that are the operand, byte for byte', async () => {
    expect(await verdict(MOVUPS, [run(0, ['0 L8 5000', '0 L8 5008'])])).toEqual(
      clean(2, 1, { split: 1 }),
    );
  });
  it('takes them in any order', async () => {
    const bytes = [9, 0, 1, 2, 3, 4, 5, 6, 7, 8].map((offset) => `0 S1 500${offset}`);
    expect(await verdict(['df37'], [run(0, bytes), run(0, bytes)])).toEqual(
      clean(20, 2, { split: 18 }),
    );
    expect(await verdict(['df37'], [run(0, bytes.with(3, '0 S1 5001'))])).toMatchObject({
      addressMismatches: 9,
    });
  });
  it('reports a gap between the pieces, and a piece too few', async () => {
    expect(await verdict(MOVUPS, [run(0, ['0 L8 5000', '0 L8 5010'])])).toMatchObject({
      addressMismatches: 1,
    });
    expect(await verdict(MOVUPS, [run(0, ['0 L8 5000'])])).toMatchObject({ missing: 1, extra: 1 });
  });
});

describe('faulted-attempt', () => {
  const MOVS = ['48a5'];
  it('takes what is marked aborted, up to what the instruction makes', async () => {
    const attempt = run(0, ['0 L8 5000'], { executed: 0, aborted: 1 });
    expect(await verdict(MOVS, [attempt, run(0, ['0 L8 5000', '0 S8 6000'])])).toEqual(
      clean(3, 2, { 'faulted-attempt': 1 }),
    );
  });
  it('reports what the instruction cannot have made, or what is not marked', async () => {
    const twice = run(0, ['0 L8 5000', '0 L8 5000'], { executed: 0, aborted: 2 });
    const last = run(0, ['0 L8 5000', '0 S8 6000']);
    expect(await verdict(MOVS, [twice, last])).toMatchObject({ extra: 1 });
    const unmarked = run(0, ['0 L8 5000'], { executed: 0, aborted: 0 });
    expect(await verdict(MOVS, [unmarked, last])).toMatchObject({ extra: 1 });
    const behind = run(0, ['1 L8 5000'], { executed: 0, aborted: 1 });
    expect(
      await verdict(
        ['90', '48a5'],
        [
          behind,
          run(
            0,
            last.accesses.map(() => '1 L8 5000'),
          ),
        ],
      ),
    ).toMatchObject({ extra: 2 });
  });
});

describe('recording-ended', () => {
  const open = run(0, ['0 L8 5000'], { executed: 0, cause: 5 });
  it('takes the last block execution of the stream, and no other', async () => {
    const whole = run(0, ['0 L8 5000', '0 S8 6000']);
    expect(await verdict(['48a5'], [whole, open])).toEqual(clean(3, 2, { 'recording-ended': 1 }));
    expect(await verdict(['48a5'], [open, whole])).toMatchObject({ extra: 1 });
  });
});

describe('iterations', () => {
  const MOVS = ['f348a5'];
  const copy = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => [
      `0 L8 ${(0x5000 + 8 * i).toString(16)}`,
      `0 S8 ${(0x9000 + 8 * i).toString(16)}`,
    ]).flat();

  it('takes any number of whole ones, also none', async () => {
    expect(await verdict(MOVS, [run(0, copy(5)), run(0, [])])).toEqual(
      clean(10, 10, {}, { iterations: 10 }),
    );
  });
  it('reports half of one, a wrong size and a wrong direction', async () => {
    expect(await verdict(MOVS, [run(0, copy(5).slice(0, -1))])).toMatchObject({ missing: 1 });
    expect(await verdict(MOVS, [run(0, copy(5).with(4, '0 L4 5010'))])).toMatchObject({ extra: 6 });
    expect(await verdict(MOVS, [run(0, copy(5).with(4, '0 S8 5010'))])).toMatchObject({ extra: 6 });
  });
  it('reports an iteration that was lost, by its addresses', async () => {
    expect(await verdict(MOVS, [run(0, copy(5).toSpliced(4, 2))])).toMatchObject({
      missing: 0,
      addressMismatches: 2,
    });
  });
  it('reports one that is given to the instruction before', async () => {
    const accesses = copy(3).map((access) => access.replace('0', '1'));
    const given = accesses.with(2, '0 L8 5008');
    expect(await verdict(['90', ...MOVS], [run(0, accesses)])).toMatchObject({ extra: 0 });
    expect(await verdict(['90', ...MOVS], [run(0, given)])).toMatchObject({ extra: 4 });
  });
  it('runs downwards as well', async () => {
    expect(await verdict(['f3aa'], [run(0, ['0 S1 5001', '0 S1 5000', '0 S1 4fff'])])).toEqual(
      clean(3, 3, {}, { iterations: 3 }),
    );
  });
  it('goes on in another execution and counts once', async () => {
    const suspended = run(0, copy(2), { executed: 0, cause: 4 });
    const result = await audit([block(MOVS)], [suspended, run(0, copy(1)), run(0, copy(1))]);
    expect(result).toMatchObject({ executions: 1, recorded: 8, unexplained: 0 });
  });
  it('has accesses of page walks between its own', async () => {
    const walked = copy(3).toSpliced(2, 0, '~0 S8 1230');
    const result = await audit([block(MOVS)], [run(0, walked)]);
    expect(result).toMatchObject({
      recorded: 6,
      pageWalk: 1,
      unexplained: 0,
      addressMismatches: 0,
    });
  });
  it('is marked aborted when a fault stops it', async () => {
    const faulted = run(0, copy(3).slice(0, 5), { executed: 0, aborted: 5 });
    expect(await verdict(MOVS, [faulted, run(0, copy(3))])).toEqual(
      clean(11, 6, { 'faulted-attempt': 5 }, { iterations: 6 }),
    );
  });
});

describe('ins-stores-zero-first', () => {
  it('takes one store more of the same address, for each iteration', async () => {
    const twice = ['0 S1 5000', '0 S1 5000', '0 S1 5001', '0 S1 5001'];
    expect(await verdict(['f36c'], [run(0, twice)])).toEqual(
      clean(4, 2, { 'ins-stores-zero-first': 2 }, { iterations: 2 }),
    );
    expect(await verdict(['6c'], [run(0, twice.slice(0, 2))])).toEqual(
      clean(2, 1, { 'ins-stores-zero-first': 1 }),
    );
  });
  it('reports another address, and a third store', async () => {
    expect(await verdict(['f36c'], [run(0, ['0 S1 5000', '0 S1 5001'])])).toMatchObject({
      addressMismatches: 1,
    });
    expect(await verdict(['6c'], [run(0, ['0 S1 5000', '0 S1 5001'])])).toMatchObject({
      addressMismatches: 1,
    });
    expect(await verdict(['6c'], [run(0, ['0 S1 5000', '0 S1 5000', '0 S1 5000'])])).toMatchObject({
      extra: 1,
    });
  });
});

describe('lock-neg-loads-twice', () => {
  it('takes one load more, of LOCK NEG alone', async () => {
    const accesses = ['0 L8 5000', '0 L8 5000', '0 S8 5000'];
    expect(await verdict(['f048f71f'], [run(0, accesses)])).toEqual(
      clean(3, 2, { 'lock-neg-loads-twice': 1 }),
    );
    expect(await verdict(['48f71f'], [run(0, accesses)])).toMatchObject({ extra: 1 });
  });
});

describe('condition', () => {
  it('takes a descriptor or none, and the marking of one that was read', async () => {
    const read = ['0 L4 5008', '0 L4 500c'];
    const executions = [run(0, []), run(0, read), run(0, [...read, '0 S4 500c'])];
    expect(await verdict(['8ed8'], executions)).toEqual(
      clean(5, 3, { split: 2 }, { condition: 3 }),
    );
  });
  it('reports half a descriptor, and any in real mode', async () => {
    expect(await verdict(['8ed8'], [run(0, ['0 L4 5008'])])).toMatchObject({ extra: 1 });
    expect(await verdict(['8ed8'], [run(0, ['0 L8 5008'])], MODE_16)).toMatchObject({ extra: 1 });
  });
  it('takes the look into the I/O bitmap outside of CPL 0', async () => {
    const looks = ['0 L2 7066', '0 L2 7070'];
    expect(await verdict(['e460'], [run(0, looks), run(0, [])], MODE_32_USER)).toEqual(
      clean(2, 2, {}, { condition: 2 }),
    );
    expect(await verdict(['e460'], [run(0, looks)])).toMatchObject({ extra: 2 });
    expect(
      await verdict(['f36c'], [run(0, [...looks, '0 S1 5000', '0 S1 5000'])], MODE_32_USER),
    ).toEqual(clean(4, 3, { 'ins-stores-zero-first': 1 }, { iterations: 1, condition: 2 }));
  });
  it('tells that look from the words of a word string', async () => {
    const OUTSW = ['f3666f'];
    const looks = ['0 L2 7066', '0 L2 7070'];
    const words = ['0 L2 5000', '0 L2 5002', '0 L2 5004'];
    expect(await verdict(OUTSW, [run(0, [...looks, ...words])], MODE_32_USER)).toEqual(
      clean(5, 5, {}, { iterations: 3, condition: 2 }),
    );
    expect(await verdict(OUTSW, [run(0, [...looks, ...words].slice(0, 3))], MODE_32_USER)).toEqual(
      clean(3, 3, {}, { iterations: 1, condition: 2 }),
    );
    expect(await verdict(OUTSW, [run(0, words), run(0, words.toReversed())], MODE_32_USER)).toEqual(
      clean(6, 6, {}, { iterations: 6 }),
    );
    expect(await verdict(OUTSW, [run(0, [...looks, ...words])])).not.toEqual(
      expect.objectContaining({ addressMismatches: 0 }),
    );
  });
  it('takes a look of an attempt that came to nothing', async () => {
    const denied = run(0, ['0 L2 7066', '0 L2 7070'], { executed: 0, aborted: 2 });
    for (const code of ['f36c', 'f36e', 'f3666f']) {
      expect(await verdict([code], [denied], MODE_32_USER)).toEqual(
        clean(2, 0, { 'faulted-attempt': 2 }),
      );
    }
  });
});

describe('mask', () => {
  it('takes each element once, inside the operand', async () => {
    const MASKMOV = ['660ff7c1'];
    expect(await verdict(MASKMOV, [run(0, ['0 S1 5003', '0 S1 500f'])])).toEqual(
      clean(2, 2, {}, { mask: 2 }),
    );
    expect(await verdict(MASKMOV, [run(0, ['0 S1 5003', '0 S1 5003'])])).toMatchObject({
      extra: 1,
    });
    expect(await verdict(MASKMOV, [run(0, ['0 S1 5003', '0 S1 5013'])])).toMatchObject({
      extra: 1,
    });
  });
});

describe('state-area', () => {
  const at = (offset: number): string => (0x5000 + offset).toString(16);
  const X87 = [
    ...[0, 2, 4].map((offset) => `0 S2 ${at(offset)}`),
    ...[8, 16].map((offset) => `0 S8 ${at(offset)}`),
    ...Array.from({ length: 8 }, (_, i) => [
      `0 S8 ${at(32 + 16 * i)}`,
      `0 S2 ${at(40 + 16 * i)}`,
    ]).flat(),
  ];
  const SSE = [
    ...[24, 28].map((offset) => `0 S4 ${at(offset)}`),
    ...Array.from({ length: 16 }, (_, i) => [
      `0 S8 ${at(160 + 16 * i)}`,
      `0 S8 ${at(168 + 16 * i)}`,
    ]).flat(),
  ];
  const FXSAVE = ['480fae07'];

  it('takes the fields, with SSE or without', async () => {
    const all = [...X87, ...SSE];
    expect(await verdict(FXSAVE, [run(0, all)])).toEqual(clean(55, 1, { 'state-area': 54 }));
    expect(await verdict(FXSAVE, [run(0, X87)])).toEqual(clean(21, 1, { 'state-area': 20 }));
  });
  it('reports a field that is missing, one that is told twice, and one that lies elsewhere', async () => {
    const all = [...X87, ...SSE];
    expect(await verdict(FXSAVE, [run(0, all.toSpliced(7, 1))])).toMatchObject({ missing: 1 });
    expect(await verdict(FXSAVE, [run(0, all.toSpliced(-1, 1))])).toMatchObject({ missing: 1 });
    expect(await verdict(FXSAVE, [run(0, [...all, `0 S8 ${at(160)}`])])).toMatchObject({
      extra: 1,
    });
    expect(
      await verdict(FXSAVE, [run(0, all), run(0, all.with(30, `0 S8 ${at(0x300)}`))]),
    ).toMatchObject({
      addressMismatches: 1,
    });
  });
  it('takes what is reserved beside x87 registers, of all of them, and with x87', async () => {
    const reserved = Array.from({ length: 8 }, (_, i) => `0 S2 ${at(42 + 16 * i)}`).concat(
      Array.from({ length: 8 }, (_, i) => `0 S4 ${at(44 + 16 * i)}`),
    );
    expect(await verdict(FXSAVE, [run(0, [...X87, ...reserved])])).toMatchObject(
      clean(37, 1, { 'state-area': 36 }),
    );
    expect(await verdict(FXSAVE, [run(0, [...X87, ...reserved.slice(1)])])).toMatchObject({
      missing: 1,
    });
    const header = [`0 L8 ${at(512)}`, `0 S8 ${at(512)}`];
    const { missing } = await verdict(['0fae27'], [run(0, [...header, ...reserved])]);
    expect(missing).toBeGreaterThan(0);
  });
  it('takes fldenv without the pointers, and reports a field that is not there', async () => {
    const fields = [0, 4, 8].map((offset) => `0 L2 ${at(offset)}`);
    expect(await verdict(['d927'], [run(0, fields)])).toEqual(clean(3, 1, { 'state-area': 2 }));
    expect(await verdict(['d927'], [run(0, fields.slice(0, 2))])).toMatchObject({ missing: 1 });
    expect(await verdict(['d927'], [run(0, [...fields, `0 L2 ${at(28)}`])])).toMatchObject({
      extra: 1,
    });
  });
  it('finds the area of XSAVE by its header', async () => {
    const header = [`0 L8 ${at(512)}`, `0 S8 ${at(512)}`];
    expect(await verdict(['0fae27'], [run(0, [...header, ...SSE])])).toMatchObject({
      missing: 0,
      extra: 0,
      recorded: 36,
    });
    expect(await verdict(['0fae27'], [run(0, [...header, ...SSE.slice(1)])])).toMatchObject({
      missing: 1,
    });
    expect(await verdict(['0fae27'], [run(0, [...header.slice(0, 1), ...SSE])])).toMatchObject({
      missing: 1,
    });
  });
});

it('what cannot be decoded is unexplained', async () => {
  const unknown = await audit([block(['488b07'], { mode: null })], [run(0, ['0 L8 5000'])]);
  expect(unknown.byMnemonic).toMatchObject([{ mnemonic: '(mode unknown)', extra: 1, missing: 1 }]);
});
