// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scrollMap } from './scroll-map.ts';

const ROW = 20;
const VIEW = 210;

describe('a long list', () => {
  it('reaches its first and its last row, however long it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000_000 }), (rows) => {
        const map = scrollMap(rows, ROW, VIEW);
        expect(map.height).toBeLessThanOrEqual(8_000_000);
        expect(map.firstRow(0)).toBe(0);
        const last = map.firstRow(Math.max(0, map.height - VIEW));
        expect(last + Math.ceil(VIEW / ROW)).toBeGreaterThanOrEqual(rows);
        expect(last).toBeLessThanOrEqual(Math.max(0, rows - Math.floor(VIEW / ROW)));
      }),
    );
  });

  it('is at the row that it was told to be at, to a pixel of the bar', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 10_000_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (rows, part) => {
          const map = scrollMap(rows, ROW, VIEW);
          const row = Math.floor(part * (rows - 11));
          const rowsByPixel = Math.max(1, rows / map.height);
          expect(Math.abs(map.firstRow(map.scrollTop(row)) - row)).toBeLessThanOrEqual(rowsByPixel);
        },
      ),
    );
  });

  it('does not scroll when all of it is seen', () => {
    const map = scrollMap(3, ROW, VIEW);
    expect(map.height).toBe(60);
    expect(map.firstRow(40)).toBe(0);
    expect(map.scrollTop(2)).toBe(0);
  });
});
