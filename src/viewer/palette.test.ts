// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  colourAt,
  colourOfCell,
  createColourTable,
  decodeCount,
  encodeCells,
  encodeCount,
  MAP_BACKGROUND,
  type Rgb,
  rampOf,
  scaleMaximum,
  shadeOf,
  type Theme,
} from './palette.ts';

const THEMES: readonly Theme[] = ['light', 'dark'];
const MODES = ['sum', 'loads', 'stores'] as const;

/** Relative luminance of WCAG 2. */
function luminance([r, g, b]: Rgb): number {
  const [lr = 0, lg = 0, lb = 0] = [r, g, b].map((channel) => {
    const c = channel / 255;
    return c <= 0.040_45 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * lr + 0.7152 * lg + 0.0722 * lb;
}

function contrast(a: Rgb, b: Rgb): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

function rgb(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

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
  it.each(THEMES)('of every ramp change lightness in one direction, %s', (theme) => {
    for (const mode of MODES) {
      const steps = Array.from({ length: 33 }, (_, i) =>
        luminance(colourAt(rampOf(mode, theme), i / 32)),
      );
      const rises = theme === 'dark';
      for (let i = 1; i < steps.length; i++) {
        const change = (steps[i] ?? 0) - (steps[i - 1] ?? 0);
        expect(rises ? change : -change).toBeGreaterThan(-1e-9);
      }
    }
  });

  it.each(THEMES)('of a single access can be seen on the ground of the map, %s', (theme) => {
    const ground = rgb(MAP_BACKGROUND[theme]);
    for (const mode of MODES) {
      expect(contrast(colourAt(rampOf(mode, theme), 0), ground)).toBeGreaterThan(1.35);
      expect(contrast(colourAt(rampOf(mode, theme), 1), ground)).toBeGreaterThan(7);
    }
  });

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
