// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { decodeInstruction, usualMode } from '../isa/index.ts';
import { type Comparison, compareAccesses, type SeenAccess } from './compare.ts';
import { expectAccesses } from './expected.ts';
import { type CodeBits, presetState } from './machine-state.ts';

/** "r8:470000 w4:470008" */
function seen(text: string): SeenAccess[] {
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [, letter, bytes, address] = /^([rw])(\d+):(\w+)$/.exec(word) ?? [];
      return {
        direction: letter === 'r' ? ('load' as const) : ('store' as const),
        bytes: Number(bytes),
        address: BigInt(`0x${address}`),
      };
    });
}

function compare(
  hex: string,
  recorded: string,
  settings: readonly string[] = [],
  bits: CodeBits = 64,
): Comparison {
  const decoded = decodeInstruction(Uint8Array.from(Buffer.from(hex, 'hex')), usualMode(bits));
  const state = presetState(bits, decoded, settings);
  return compareAccesses(expectAccesses(decoded, state, 0x102008n), seen(recorded));
}

const ALL_THERE: Comparison = {
  ...{ missing: [], elsewhere: [], isUnkept: false, remarks: [] },
  extra: { load: 0, store: 0 },
};

describe('compareAccesses', () => {
  it('accepts an access that QEMU splits, and one that it joins', () => {
    // cmpxchg16b [rdi]
    for (const recorded of ['r16:470000 w16:470000', 'r8:470000 r8:470008 w8:470000 w8:470008']) {
      expect(compare('480fc70f', recorded)).toEqual(ALL_THERE);
    }
    // popped as one, though two accesses: iretq reads its frame so
    expect(compare('58', 'r8:3f0000').missing).toEqual([]);
  });

  it('finds what is missing, elsewhere, in the other direction or too short', () => {
    expect(compare('8907', '').missing).toEqual(['store 4 at ds:rdi']); // mov [rdi], eax
    expect(compare('8907', 'w4:470004')).toMatchObject({
      missing: ['store 4 at ds:rdi'],
      extra: { load: 0, store: 4 },
    });
    expect(compare('8907', 'r4:470000').missing).toHaveLength(1);
    expect(compare('8907', 'w2:470000').missing).toHaveLength(1);
  });

  it('finds what is too much', () => {
    expect(compare('8907', 'w4:470000 w4:470000').extra).toEqual({ load: 0, store: 4 });
    expect(compare('8907', 'w4:470000 r1:470000').extra).toEqual({ load: 1, store: 0 });
  });

  it('counts the iterations of a repetition', () => {
    const twice = 'r1:460000 w1:470000 r1:460001 w1:470001';
    expect(compare('f3a4', `${twice} r1:460002 w1:470002`).missing).toEqual([]);
    expect(compare('f3a4', twice).missing).toHaveLength(2);
    expect(compare('f3a4', '', ['rcx=0'])).toEqual(ALL_THERE);
    // downwards
    expect(compare('f3aa', 'w1:470000 w1:46ffff w1:46fffe', ['flags=0x402']).missing).toEqual([]);
  });

  it.each([
    // rep movsb, up and down
    ['f3a4', 16, 'si=0xffff', 'r1:2ffff w1:31700 r1:20000 w1:31701'],
    ['f3a4', 16, 'si=0 flags=0x402', 'r1:20000 w1:31700 r1:2ffff w1:316ff'],
    ['f3aa', 16, 'di=0 flags=0x402', 'w1:30000 w1:3ffff'], // rep stosb
    ['f3ac', 32, 'esi=0xffffffff', 'r1:ffffffff r1:0'], // rep lodsb
    ['f3ac', 32, 'esi=0 flags=0x402', 'r1:0 r1:ffffffff'],
    ['67f3ac', 64, 'rsi=0xffffffff', 'r1:ffffffff r1:0'],
    ['f3ac', 64, 'rsi=0xffffffff', 'r1:ffffffff r1:100000000'],
  ] as const)('wraps iterations of %s in %i-bit code as the address does, from %s', (...row) => {
    const [hex, bits, settings, recorded] = row;
    expect(compare(hex, recorded, ['cx=2', ...settings.split(' ')], bits)).toEqual(ALL_THERE);
  });

  it('lets a comparison end a repetition, but not before the first iteration', () => {
    const once = compare('f3a6', 'r1:460000 r1:470000'); // repe cmpsb
    expect(once.missing).toEqual([]);
    expect(once.remarks).toEqual(['the comparison ended it after 1 of 3 iterations']);
    expect(compare('f3a6', '').missing).toHaveLength(2);
  });

  it('takes all fields of a state component or, where it may be left out, none', () => {
    const fields: string[] = [];
    const legacy = [
      [0, 2],
      [2, 2],
      [4, 2],
      [8, 8],
      [16, 8],
    ] as const;
    for (const [offset, bytes] of legacy)
      fields.push(`w${bytes}:${(0x470000 + offset).toString(16)}`);
    for (let i = 0; i < 8; i++) fields.push(`w10:${(0x470020 + 16 * i).toString(16)}`);
    const fxsave = compare('0fae07', fields.join(' '));
    expect(fxsave.missing).toEqual([]);
    expect(fxsave.remarks[0]).toContain('sse');
    expect(compare('0fae07', fields.slice(1).join(' ')).missing[0]).toContain('x87');
    expect(compare('0fae07', [...fields, 'w16:4700a0'].join(' ')).missing[0]).toContain('sse');
  });

  it('wants the elements that the mask selects, where their indices lead, and no others', () => {
    // vpgatherdd ymm0, [rdi+ymm1*4], ymm2
    const mask = ['ymm2=-1,0,0,-1,0,0,0,0'];
    expect(compare('c4e26d90048f', 'r4:470000 r4:47000c', mask)).toEqual({
      ...ALL_THERE,
      remarks: ['the mask in ymm2 selects 2 of 8 elements'],
    });
    expect(compare('c4e26d90048f', 'r4:470000', mask).missing).toEqual([
      'load 4 at ds:rdi+ymm1*4: element 3',
    ]);
    expect(compare('c4e26d90048f', 'r4:470000 r4:470004 r4:47000c', mask).extra.load).toBe(4);
    expect(compare('c4e26d90048f', 'r4:470000 r4:470008', mask)).toMatchObject({
      missing: [expect.stringContaining('element 3')],
      extra: { load: 4, store: 0 },
    });
  });
});
