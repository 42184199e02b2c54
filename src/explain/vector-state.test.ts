// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { type DecodedInstruction, decodeInstruction, usualMode } from '../isa/index.ts';
import { expectAccesses } from './expected.ts';
import { type CodeBits, presetState } from './machine-state.ts';
import { findVector } from './vector-state.ts';

function decode(hex: string, bits: CodeBits = 64): DecodedInstruction {
  return decodeInstruction(Uint8Array.from(Buffer.from(hex, 'hex')), usualMode(bits));
}

/** vpgatherdd ymm0, [rdi+ymm1*4], ymm2 */
const GATHER = 'c4e26d90048f';
const MOV = '8907';

function digitsOf(
  name: string,
  hex: string,
  settings: readonly string[],
  bits: CodeBits = 64,
): string {
  return findVector(presetState(bits, decode(hex, bits), settings).vectors, name)?.digits ?? 'none';
}

/** "0=470000": element and address. */
function selected(hex: string, settings: readonly string[], bits: CodeBits = 64): string[] {
  const decoded = decode(hex, bits);
  const [one] = expectAccesses(decoded, presetState(bits, decoded, settings), 0x102008n);
  return (one?.selected ?? []).map(({ element, address }) => `${element}=${address.toString(16)}`);
}

describe('presetVectors', () => {
  it('are all ones, but for indices', () => {
    expect(digitsOf('ymm2', GATHER, [])).toBe('f'.repeat(64));
    expect(digitsOf('xmm1', GATHER, [])).toBe('00000003000000020000000100000000');
    expect(presetState(64, decode(MOV), []).vectors).toHaveLength(16);
    expect(presetState(32, decode(MOV, 32), []).vectors).toHaveLength(8);
    expect(presetState(16, decode(MOV, 16), []).vectors[7]?.name).toBe('xmm7');
  });

  it('can be set as a whole, by elements, and in their lower half alone', () => {
    expect(digitsOf('ymm2', MOV, ['ymm2=0x1_0'])).toBe('10'.padStart(64, '0'));
    expect(digitsOf('xmm2', MOV, ['YMM2=1,-2,0x30,0'])).toBe('fffffffffffffffe0000000000000001');
    expect(digitsOf('ymm2', MOV, ['xmm2=0'])).toBe('f'.repeat(32) + '0'.repeat(32));
    expect(digitsOf('ymm2', MOV, ['ymm2=0', 'xmm2=-1'])).toBe('0'.repeat(32) + 'f'.repeat(32));
    expect(digitsOf('ymm2', MOV, ['xmm2=-1', 'ymm2=0'])).toBe('0'.repeat(64));
    expect(digitsOf('xmm2', MOV, ['xmm2=7'], 16)).toBe('7'.padStart(32, '0'));
  });

  it('knows what the x87 stack makes of the registers of MMX', () => {
    expect(digitsOf('mm3', MOV, ['xmm3=1'])).toBe('0'.repeat(16));
    expect(digitsOf('mm4', MOV, [])).toBe('8000000000000000');
  });

  it.each([
    ['xmm2=1,2,3', 'nor as many elements'],
    ['xmm2=x', 'that is not a number'],
    ['xmm2=', 'that is not a number'],
    ['xmm2=0x10000000000000000,0', 'more than 64 bits'],
    ['ymm2=-129,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0', 'more than 8 bits'],
    ['mm1=0', 'REGISTER=NUMBER'],
    ['zmm1=0', 'REGISTER=NUMBER'],
  ])('refuses --set %s', (setting, message) => {
    expect(() => presetState(64, decode(MOV), [setting])).toThrow(message);
  });

  it('has what the mode has', () => {
    expect(() => presetState(16, decode(MOV, 16), ['ymm1=0'])).toThrow('16-bit code');
    expect(() => presetState(32, decode(MOV, 32), ['ymm8=0'])).toThrow('32-bit code');
  });
});

describe('elements that the mask selects', () => {
  it('have an index each in a gather', () => {
    expect(selected(GATHER, [])).toHaveLength(8);
    expect(selected(GATHER, ['ymm2=-1,1,0,0x80000000,0,0,0x7fffffff,0'])).toEqual([
      '0=470000',
      '3=47000c',
    ]);
    // Signed, and the address wraps.
    const settings = ['ymm1=-1,0x7fffffff,0,0,0,0,0,0', 'ymm2=-1,-1,0,0,0,0,0,0'];
    expect(selected(GATHER, settings)).toEqual(['0=46fffc', '1=20046fffc']);
    expect(selected(GATHER, settings, 32)).toEqual(['0=46fffc', '1=46fffc']);
  });

  it('lie one behind the other elsewhere', () => {
    // maskmovdqu xmm0, xmm1
    expect(selected('660ff7c1', ['xmm1=0x80ff'])).toEqual(['0=470000', '1=470001']);
    // vmaskmovpd [rdi], ymm2, ymm1
    expect(selected('c4e26d2f0f', ['ymm2=0,0,-1,0'])).toEqual(['2=470010']);
    // maskmovq mm0, mm6
    expect(selected('0ff7c6', [])).toEqual(['7=470007']);
  });

  it('have an address, too, that is not cut to 32 bits', () => {
    const uncut = (hex: string, settings: readonly string[], bits: CodeBits): string[] => {
      const decoded = decode(hex, bits);
      const [one] = expectAccesses(decoded, presetState(bits, decoded, settings), 0x102008n);
      return (one?.selected ?? []).map((each) => each.uncut.toString(16));
    };
    const settings = ['ymm1=-1,0x7fffffff,-0x200000,0,0,0,0,0', 'ymm2=-1,-1,-1,0,0,0,0,0'];
    const far = ['46fffc', '20046fffc', 'ffffffffffc70000'];
    expect(uncut(GATHER, settings, 32)).toEqual(far);
    expect(uncut(`67${GATHER}`, settings, 64)).toEqual(far);
    // fs:rdi, the base of which is 0x500000: base and displacement are cut, and then the index is added
    expect(uncut(`64${GATHER}`, ['edi=0xffc00000', ...settings], 32)).toEqual([
      ...['ffffc', '2000ffffc', 'ffffffffff900000'],
    ]);
    // vmaskmovpd [edi], ymm2, ymm1
    expect(uncut('c4e26d2f0f', ['edi=0xfffffff8', 'ymm2=-1,-1,0,0'], 32)).toEqual([
      ...['fffffff8', '100000000'],
    ]);
    expect(selected('c4e26d2f0f', ['edi=0xfffffff8', 'ymm2=-1,-1,0,0'], 32)).toEqual([
      ...['0=fffffff8', '1=0'],
    ]);
  });

  it('are not known of a mask of AVX-512', () => {
    const decoded = decode('62f27d4990048f');
    const [one] = expectAccesses(decoded, presetState(64, decoded, []), 0x102008n);
    expect(one?.selected).toBeUndefined();
  });
});
