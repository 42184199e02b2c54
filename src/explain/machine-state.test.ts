// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { UserError } from '../base/index.ts';
import { type DecodedInstruction, decodeInstruction, usualMode } from '../isa/index.ts';
import { expectAccesses } from './expected.ts';
import { type CodeBits, presetState, valueOf } from './machine-state.ts';

function decode(hex: string, bits: CodeBits = 64): DecodedInstruction {
  return decodeInstruction(Uint8Array.from(Buffer.from(hex, 'hex')), usualMode(bits));
}

/** What a UserError says to do. */
function remedyOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof UserError) return error.remedy;
    throw error;
  }
  return undefined;
}

const MOV = '8907';

describe('presetState', () => {
  it('gives each register an address of its own', () => {
    const state = presetState(64, decode(MOV), []);
    expect(new Set(state.registers.map(({ value }) => value)).size).toBe(16);
    expect(valueOf(state, 'rdi')).toBe(0x470000n);
    expect(presetState(16, decode(MOV, 16), []).registers).toHaveLength(8);
  });

  it('takes settings by any name of a register', () => {
    const state = presetState(64, decode(MOV), ['edi=0x1f_0000', 'rflags=0x402', 'memory=7']);
    expect(valueOf(state, 'rdi')).toBe(0x1f0000n);
    expect(state.flags.value).toBe(0x402n);
    expect(state.memory).toMatchObject({ value: 7n, why: '--set' });
  });

  it('keeps repetitions short, ports harmless and state components known', () => {
    expect(valueOf(presetState(64, decode('f3a4'), []), 'rcx')).toBe(3n);
    expect(valueOf(presetState(64, decode('f3a4'), ['rcx=0']), 'rcx')).toBe(0n);
    expect(valueOf(presetState(64, decode('ec'), []), 'rdx')).toBe(0x80n);
    expect(valueOf(presetState(64, decode('0fae27'), []), 'rax')).toBe(7n);
    // int and imul begin as in and ins do not.
    expect(valueOf(presetState(64, decode('cd80'), []), 'rdx')).toBe(0x420000n);
  });

  it.each([
    ['rsi=-1', 64, 0xffff_ffff_ffff_ffffn],
    ['rsi=-0x8000_0000_0000_0000', 64, 0x8000_0000_0000_0000n],
    ['esi=-1', 64, 0xffff_ffffn],
    ['si=-2', 64, 0xfffen],
    ['rsi=-1', 32, 0xffff_ffffn],
    ['si=-0x10', 16, 0xfff0n],
  ] as const)('takes --set %s in %i-bit code', (setting, bits, value) => {
    expect(valueOf(presetState(bits, decode(MOV, bits), [setting]), 'rsi')).toBe(value);
  });

  it.each(['rdi', 'xmm16=1', 'al=1', 'r16=1', '=1'])('refuses --set %s', (setting) => {
    expect(() => presetState(64, decode(MOV), [setting])).toThrow('with a register of 64-bit code');
  });

  it.each(['rdi=', 'rdi=x', 'rdi=--1', 'rdi=1,2', 'flags=0x'])('refuses --set %s', (setting) => {
    expect(() => presetState(64, decode(MOV), [setting])).toThrow('that is not a number');
  });

  it.each([
    [64, 'rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15, ymm0 to ymm15, xmm0 to xmm15'],
    [32, 'eax, ecx, edx, ebx, esp, ebp, esi, edi, ymm0 to ymm7, xmm0 to xmm7'],
    [16, 'ax, cx, dx, bx, sp, bp, si, di, xmm0 to xmm7'],
  ] as const)('names the registers of %i-bit code when there is another', (bits, names) => {
    expect(remedyOf(() => presetState(bits, decode(MOV, bits), ['nil=1']))).toBe(
      `for example --set ${bits === 64 ? 'r' : bits === 32 ? 'e' : ''}di=0x1000; there are ${names}, flags, memory`,
    );
  });

  it('refuses registers and values that the mode does not have', () => {
    expect(() => presetState(32, decode(MOV, 32), ['r8=1'])).toThrow('32-bit code');
    expect(() => presetState(16, decode(MOV, 16), ['bx=0x10000'])).toThrow('more than 16 bits');
    expect(() => presetState(64, decode(MOV), ['ebx=0x100000000'])).toThrow('more than 32 bits');
    expect(() => presetState(64, decode(MOV), ['rbx=-0x8000000000000001'])).toThrow('than 64 bits');
  });
});

describe('expectAccesses', () => {
  function addresses(hex: string, bits: CodeBits, settings: readonly string[] = []): string[] {
    const decoded = decode(hex, bits);
    const state = presetState(bits, decoded, settings);
    return expectAccesses(decoded, state, 0x102003n).map(
      ({ address }) => address?.toString(16) ?? 'unknown',
    );
  }

  it.each([
    ['89448810', 64, [], '1440010'], // mov [rax+rcx*4+0x10], eax
    ['50', 64, [], '3efff8'], // push rax
    ['8b0510000000', 64, [], '102013'], // mov eax, [rip+0x10]
    ['648b07', 64, [], '970000'], // mov eax, [fs:rdi]
    ['678b07', 64, ['rdi=0x100000004'], '4'], // mov eax, [edi]
    ['8b07', 32, ['edi=0xfffffffc'], 'fffffffc'], // mov eax, [edi]
    ['8b00', 16, [], '22900'], // mov ax, [bx+si]
    ['50', 16, ['sp=0'], '4fffe'], // push ax wraps in its segment
  ] as const)('%s in %i-bit code', (hex, bits, settings, address) => {
    expect(addresses(hex, bits, settings)).toEqual([address]);
  });

  it('does not know what a descriptor table or a gather leads to', () => {
    expect(addresses('0f00d8', 64)).toContain('unknown'); // ltr ax
  });

  it.each([
    '0f01d8', // vmrun
    '0f01da', // vmload
    '0f01db', // vmsave
    'ca0800', // retf 8
    '48cf', // iretq
    'ff1f', // call far [rdi]
    '8ed8', // mov ds, ax
  ])('has no address, and no failure, for places that %s does not name', (hex) => {
    for (const bits of [16, 32, 64] as const) {
      expect(() => addresses(hex, bits)).not.toThrow();
    }
  });
});
