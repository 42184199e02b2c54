// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { levelOf, TILE_CELLS, tileKey, tileRegion, tileRequest, tilesIn } from './tile-grid.ts';
import { clampRegion, type Region, wholeRegion } from './view.ts';

const part = fc.double({ min: 0, max: 1, noNaN: true });
const views = fc
  .tuple(
    fc.integer({ min: 2, max: 10_000_000_000 }),
    fc.integer({ min: 1, max: 1_000_000 }),
    fc.tuple(part, part, part, part),
    fc.integer({ min: 200, max: 4000 }),
    fc.integer({ min: 100, max: 2200 }),
  )
  .map(([accesses, pages, [a, b, c, d], width, height]) => {
    const extent = { accesses, pages };
    const whole = wholeRegion(extent);
    const region = clampRegion(
      {
        from: whole.to * Math.min(a, b),
        to: whole.to * Math.max(a, b),
        low: whole.high * Math.min(c, d),
        high: whole.high * Math.max(c, d),
      },
      extent,
    );
    return { extent, region, frame: { width, height } };
  });

function contains(outer: Region, ordinal: number, rank: number): boolean {
  return ordinal >= outer.from && ordinal <= outer.to && rank >= outer.low && rank <= outer.high;
}

describe('the grid of tiles', () => {
  it('covers a view whole, with tiles that do not overlap and are not too many', () => {
    fc.assert(
      fc.property(views, part, part, ({ extent, region, frame }, x, y) => {
        const level = levelOf(region, frame, 1);
        const tiles = tilesIn(region, 'virtual', 0, level, extent);
        expect(new Set(tiles.map(tileKey)).size).toBe(tiles.length);
        expect(tiles.length).toBeLessThanOrEqual(9 * 6);
        const ordinal = region.from + (region.to - region.from) * x;
        const rank = region.low + (region.high - region.low) * y;
        const inside = ordinal <= extent.accesses && rank <= extent.pages;
        expect(tiles.some((tile) => contains(tileRegion(tile), ordinal, rank))).toBe(inside);
      }),
      { numRuns: 400 },
    );
  });

  it('has cells of one to two pixels, or of one access and one byte', () => {
    fc.assert(
      fc.property(views, ({ region }) => {
        const frame = { width: 900, height: 400 };
        const { time, bytes } = levelOf(region, frame, 1);
        const pixels = (2 ** time / (region.to - region.from)) * frame.width;
        const rows = (2 ** bytes / 4096 / (region.high - region.low)) * frame.height;
        expect(pixels).toBeGreaterThan(0.999);
        expect(rows).toBeGreaterThan(0.999);
        expect(time === 0 || pixels < 2.001).toBe(true);
        expect(bytes === 0 || rows < 2.001).toBe(true);
      }),
    );
  });

  it('has the same tiles for the same places when the view moves', () => {
    const extent = { accesses: 1 << 20, pages: 4096 };
    const region = { from: 1000, to: 101_000, low: 10, high: 90 };
    const moved = { from: 1300, to: 101_300, low: 10.5, high: 90.5 };
    const frame = { width: 800, height: 300 };
    const level = levelOf(region, frame, 1);
    expect(levelOf(moved, frame, 1)).toEqual(level);
    const keys = new Set(tilesIn(region, 'virtual', 0, level, extent).map(tileKey));
    const again = tilesIn(moved, 'virtual', 0, level, extent).map(tileKey);
    expect(again.filter((key) => !keys.has(key)).length).toBeLessThanOrEqual(again.length / 2);
  });

  it('asks for whole cells that begin inside the trace', () => {
    fc.assert(
      fc.property(views, ({ extent, region, frame }) => {
        for (const tile of tilesIn(region, 'virtual', 0, levelOf(region, frame, 1), extent)) {
          const request = tileRequest(tile, extent);
          const step = 2 ** tile.time;
          expect(request.columns).toBeGreaterThanOrEqual(1);
          expect(request.columns).toBeLessThanOrEqual(TILE_CELLS);
          expect(request.from).toBe(tileRegion(tile).from);
          expect(request.to - request.from).toBe(request.columns * step);
          expect(Number.isSafeInteger(request.to)).toBe(true);
          expect(request.to - step).toBeLessThan(extent.accesses);
          expect(request.low).toBeLessThan(extent.pages);
        }
      }),
    );
  });

  it('puts the middle of the view first', () => {
    const extent = { accesses: 1 << 20, pages: 4096 };
    const level = { time: 8, bytes: 10 };
    const [first] = tilesIn(wholeRegion(extent), 'virtual', 0, level, extent);
    expect(first).toBeDefined();
    expect(Math.abs((first?.column ?? 0) - 7.5)).toBeLessThanOrEqual(0.5);
  });
});
