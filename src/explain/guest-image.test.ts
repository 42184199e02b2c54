// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseReport } from './guest-image.ts';

const PLACES = { instruction: 0x102000n, mark: 0x101000n, tail: 0x10039fn };
const PLACES_16 = { instruction: 0x12000n, mark: 0x11000n, tail: 0x100d9n };

function report(wordBytes: number, words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(1 + 8 * wordBytes);
  bytes[0] = 'E'.charCodeAt(0);
  for (const [index, word] of words.entries()) {
    for (let i = 0; i < Math.min(wordBytes, 4); i++) {
      bytes[1 + index * wordBytes + i] = word >>> (8 * i);
    }
  }
  return bytes;
}

describe('parseReport', () => {
  it('knows what completed', () => {
    expect(parseReport(Uint8Array.of(0x44), 64, PLACES, 3)).toEqual({ kind: 'completed' });
  });

  it('tells faults, with and without an error code, from interrupts', () => {
    expect(parseReport(report(8, [14, 2, 0x102000, 8]), 64, PLACES, 3)).toEqual({
      kind: 'faulted',
      vector: 14,
      errorCode: 2,
    });
    expect(parseReport(report(4, [6, 0x102000, 8]), 32, PLACES, 2)).toEqual({
      kind: 'faulted',
      vector: 6,
      errorCode: undefined,
    });
    expect(parseReport(report(8, [14, 0x102002, 8]), 64, PLACES, 2)).toEqual({
      kind: 'interrupt',
      vector: 14,
    });
    expect(parseReport(report(2, [0x21, 0x2002, 0x1000]), 16, PLACES_16, 2)).toEqual({
      kind: 'interrupt',
      vector: 0x21,
    });
  });

  it('does not mind a single-step trap behind popf', () => {
    expect(parseReport(report(8, [1, 0x10039f, 8]), 64, PLACES, 1)).toEqual({ kind: 'completed' });
  });

  it('says where an instruction went', () => {
    expect(parseReport(report(8, [14, 0x10, 0x400000, 8]), 64, PLACES, 2)).toEqual({
      kind: 'left',
      target: 0x400000n,
      vector: 14,
    });
    // The byte before: a breakpoint's address is the next one.
    expect(parseReport(report(8, [3, 0x102041, 8]), 64, PLACES, 2)).toMatchObject({
      kind: 'left',
      target: 0x102040n,
    });
  });

  it('does not take a cut report for one', () => {
    expect(parseReport(new Uint8Array(), 64, PLACES, 3)).toBeUndefined();
    expect(
      parseReport(report(8, [14, 2, 0x102000, 8]).subarray(0, 30), 64, PLACES, 3),
    ).toBeUndefined();
  });
});
