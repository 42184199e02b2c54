// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  colourOfCell,
  createColourTable,
  decodeCount,
  encodeCells,
  encodeCount,
  scaleMaximum,
  shadeOf,
  type Theme,
} from './palette.ts';

const THEMES: readonly Theme[] = ['light', 'dark'];
describe('codes of counts', () => {
  it('rise with the count and lose less than a tenth', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 - 1 }), (count) => {
        const code = encodeCount(count);
        expect(code).toBeGreaterThanOrEqual(1);
        expect(code).toBeLessThanOrEqual(255);
        expect(encodeCount(count + 1)).toBeGreaterThanOrEqual(code);
        const least = code < 255 ? 0.9 * count : 0;
        expect(decodeCount(code)).toBeGreaterThan(least);
        expect(decodeCount(code)).toBeLessThanOrEqual(count * 1.000_001);
      }),
    );
    expect(encodeCount(0)).toBe(0);
  });

  it('tell empty cells from used ones', () => {
    const codes = encodeCells(Uint32Array.of(0, 1, 0, 3000), Uint32Array.of(0, 0, 1, 70_000));
    expect([...codes].map((code) => code !== 0)).toEqual([false, true, true, true]);
    expect(codes[3]).toBe((encodeCount(3000) << 8) | encodeCount(70_000));
  });
});

describe('colours', () => {
  it.each(THEMES)('of loads are yellow, of stores blue, whatever the count, %s', (theme) => {
    for (const count of [1, 10, 100, 1000]) {
      const [lr, , lb] = colourOfCell('split', 1000, theme, count, 0) ?? [0, 0, 0];
      const [sr, , sb] = colourOfCell('split', 1000, theme, 0, count) ?? [0, 0, 0];
      expect(lr).toBeGreaterThan(lb);
      expect(sb).toBeGreaterThan(sr);
    }
  });

  it('go from one access to the maximum on a logarithmic scale', () => {
    expect(shadeOf(1, 1000)).toBe(0);
    expect(shadeOf(1000, 1000)).toBe(1);
    expect(shadeOf(100, 10_000)).toBeCloseTo(0.5);
    expect(shadeOf(1, 1)).toBe(1);
    expect(scaleMaximum(0)).toBe(1);
    expect(scaleMaximum(1025)).toBe(2048);
  });

  it('of loads leave cells out that were only stored to', () => {
    const table = createColourTable('loads', 16, 'dark');
    expect(table[encodeCount(5)]).toBe(0);
    expect(table[encodeCount(5) << 8]).not.toBe(0);
    expect(table[0]).toBe(0);
  });

  it('in the table are those of the cell', () => {
    const table = createColourTable('sum', 256, 'light');
    const [r, g, b] = colourOfCell('sum', 256, 'light', decodeCount(9), decodeCount(17)) ?? [
      0, 0, 0,
    ];
    expect(table[(9 << 8) | 17]).toBe(((255 << 24) | (b << 16) | (g << 8) | r) >>> 0);
  });
});
