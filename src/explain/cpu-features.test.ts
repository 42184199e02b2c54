// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { decodeInstruction, neededFeatures, usualMode } from '../isa/index.ts';
import { lackingFeatures } from './cpu-features.ts';
import type { CodeBits } from './machine-state.ts';

/** "E", the stack, five leaves with nothing but bit 10 of EBX of leaf 7: INVPCID. */
function report(bits: CodeBits): Uint8Array {
  const bytes = new Uint8Array(1 + bits + 80);
  new DataView(bytes.buffer).setUint32(1 + bits + 16 + 4, 1 << 10, true);
  return bytes;
}

const INVPCID = Uint8Array.of(0x66, 0x0f, 0x38, 0x82, 0x07);

describe('lackingFeatures', () => {
  it.each([16, 32, 64] as const)('reads CPUID behind the stack of %i-bit code', (bits) => {
    expect(lackingFeatures(report(bits), bits, ['INVPCID', 'MOVDIR64B', 'SVM'])).toEqual([
      'MOVDIR64B',
      'SVM',
    ]);
  });

  it('claims nothing of what it does not know, or was not told', () => {
    expect(lackingFeatures(report(64), 64, ['INTEL486', 'FRED'])).toEqual([]);
    expect(lackingFeatures(report(64).subarray(0, 80), 64, ['SVM'])).toEqual([]);
  });

  it('has the names that instructions need', () => {
    expect(neededFeatures(INVPCID, usualMode(64))).toEqual(['INVPCID']);
    expect(decodeInstruction(INVPCID, usualMode(64)).mnemonic).toBe('invpcid');
  });
});
