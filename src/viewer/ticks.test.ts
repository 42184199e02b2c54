// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  binaryStep,
  decimalStep,
  formatAddress,
  formatLastAddress,
  formatTick,
  ticksBetween,
} from './ticks.ts';

describe('ticks', () => {
  it('are about as many as there is room for, at multiples of 1, 2 or 5', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 20, max: 1e10, noNaN: true }),
        fc.integer({ min: 2, max: 20 }),
        (span, count) => {
          const step = decimalStep(span, count);
          expect(span / step).toBeLessThanOrEqual(count * 1.001);
          expect(span / step).toBeGreaterThan(count / 2.6);
          const digits = step.toExponential().replace(/e.*/, '');
          expect(['1', '2', '5', '10']).toContain(digits);
        },
      ),
    );
    expect(decimalStep(4, 10, 1)).toBe(1);
    expect(binaryStep(600, 8, 1 / 4096)).toBe(128);
    expect(binaryStep(0.001, 8, 1 / 4096)).toBe(1 / 4096);
  });

  it('lie between the ends', () => {
    expect(ticksBetween(3, 21, 5)).toEqual([5, 10, 15, 20]);
    expect(ticksBetween(5, 20, 5)).toEqual([5, 10, 15, 20]);
    expect(ticksBetween(6, 9, 5)).toEqual([]);
  });

  it.each([
    [0, 1e6, '0'],
    [12_000_000, 2_000_000, '12 M'],
    [12_500_000, 500_000, '12.5 M'],
    [1_234_567, 1, '1,234,567'],
    [1_670_000, 5000, '1,670 k'],
    [402_000_000, 50_000_000, '402 M'],
    [2_500_000_000, 500_000_000, '2.5 G'],
    [995, 5, '995'],
    [51_592_050, 50, '51,592,050'],
  ])('say %i by steps of %i as %s', (value, step, text) => {
    expect(formatTick(value, step)).toBe(text);
  });

  it('never say the same for two neighbours', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e10, noNaN: true }),
        fc.double({ min: 20, max: 1e9, noNaN: true }),
        (from, span) => {
          const step = decimalStep(span, 8, 1);
          const texts = ticksBetween(from, from + span, step).map((at) => formatTick(at, step));
          expect(new Set(texts).size).toBe(texts.length);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('part the halves of long addresses', () => {
    expect(formatAddress('0xffff888012345678')).toBe('0xffff8880_12345678');
    expect(formatAddress('0x400000')).toBe('0x400000');
    expect(formatAddress('0x7ffd00001000')).toBe('0x7ffd_00001000');
  });

  it('end before what follows', () => {
    expect(formatLastAddress('0x401000')).toBe('0x400fff');
    expect(formatLastAddress('0xffff888100000000')).toBe('0xffff8880_ffffffff');
    expect(formatLastAddress('0x10000000000000000')).toBe('0xffffffff_ffffffff');
  });
});
