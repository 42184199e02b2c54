// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { type ControlFlow, dataFlowOf, usualMode } from './index.ts';

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/[0-9a-f]{2}/g) ?? [], (pair) => Number.parseInt(pair, 16));
}

const FLOWS: readonly (readonly [bits: 16 | 32 | 64, hex: string, flow: ControlFlow])[] = [
  [64, '90', 'next'],
  [64, 'eb05', 'direct-jump'],
  [64, 'ffe0', 'indirect-jump'], // jmp rax
  [64, 'ff2500000000', 'indirect-jump'], // jmp [rip]
  [64, '7402', 'conditional-jump'],
  [64, 'e302', 'conditional-jump'], // jrcxz
  [64, 'e2fe', 'conditional-jump'], // loop
  [64, 'e800000000', 'direct-call'],
  [64, 'ffd0', 'indirect-call'],
  [64, 'c3', 'return'],
  [64, 'cb', 'return'], // retf
  [64, '48cf', 'interrupt-return'],
  [64, '480f07', 'indirect-jump'], // sysretq
  [64, '0f05', 'system'],
  [64, 'cd80', 'system'],
  [64, '0f0b', 'next'], // ud2: what follows is an exception
  [16, 'ea5be000f0', 'direct-jump'], // jmp f000:e05b
  [16, 'cf', 'interrupt-return'],
  [64, '06', 'next'], // no instruction in 64-bit mode
];

describe('dataFlowOf', () => {
  test.each(FLOWS)('%i-bit %s: %s', (bits, hex, flow) => {
    expect(dataFlowOf(bytesOf(hex), usualMode(bits)).flow).toBe(flow);
  });

  test('lists registers by their full names, addresses and flags too', () => {
    // adc eax, [rbx+rcx*4]
    const { reads, writes } = dataFlowOf(bytesOf('13048b'), usualMode(64));
    expect([...reads].sort()).toEqual(['rax', 'rbx', 'rcx', 'rflags']);
    expect([...writes].sort()).toEqual(['rax', 'rflags']);
    // push rbp
    const push = dataFlowOf(bytesOf('55'), usualMode(64));
    expect([...push.reads].sort()).toEqual(['rbp', 'rsp']);
    expect(push.writes).toEqual(['rsp']);
  });

  test('knows what a rep prefix repeats', () => {
    expect(dataFlowOf(bytesOf('f3a4'), usualMode(64)).repeats).toBe('movsb');
    expect(dataFlowOf(bytesOf('f2ae'), usualMode(64)).repeats).toBe('scasb');
    expect(dataFlowOf(bytesOf('a4'), usualMode(64)).repeats).toBeUndefined();
    expect(dataFlowOf(bytesOf('f390'), usualMode(64)).repeats).toBeUndefined(); // pause
  });
});
