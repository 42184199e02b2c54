// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  betweenRegions,
  clampRegion,
  LEAST_RANKS,
  LEAST_TIME,
  ordinalOfX,
  panRegion,
  type Region,
  rankOfY,
  regionAround,
  samePart,
  wholeRegion,
  xOfOrdinal,
  yOfRank,
  zoomRegion,
} from './view.ts';

const extents = fc.record({
  accesses: fc.integer({ min: 1, max: 10_000_000_000 }),
  pages: fc.integer({ min: 1, max: 1_000_000 }),
});
const part = fc.double({ min: 0, max: 1, noNaN: true });

/** A region somewhere in the extent, of any size. */
const placed = fc.tuple(extents, part, part, part, part).map(([extent, a, b, c, d]) => {
  const whole = wholeRegion(extent);
  const from = whole.to * Math.min(a, b);
  const low = whole.high * Math.min(c, d);
  const region: Region = {
    from,
    to: whole.to * Math.max(a, b),
    low,
    high: whole.high * Math.max(c, d),
  };
  return { extent, region: clampRegion(region, extent) };
});

const frame = { width: 750, height: 288 };

/** What is wrong with a region; empty: nothing. */
function faultsOf(region: Region, extent: { accesses: number; pages: number }): string[] {
  const whole = wholeRegion(extent);
  const checks = {
    'before the first access': region.from < 0,
    'behind the last access': region.to > whole.to,
    'below the first page': region.low < 0,
    'above the last page': region.high > whole.high,
    'too narrow': region.to - region.from < Math.min(LEAST_TIME, whole.to) * 0.999,
    'too low': region.high - region.low < LEAST_RANKS * 0.999,
  };
  return Object.entries(checks).flatMap(([what, isSo]) => (isSo ? [what] : []));
}

describe('regions', () => {
  it('stay within what there is, however they are moved', () => {
    const moves = fc.array(
      fc.record({
        right: fc.double({ min: -5, max: 5, noNaN: true }),
        up: fc.double({ min: -5, max: 5, noNaN: true }),
        time: fc.double({ min: 0.01, max: 100, noNaN: true }),
        ranks: fc.double({ min: 0.01, max: 100, noNaN: true }),
        at: part,
      }),
      { minLength: 1, maxLength: 40, size: 'max' },
    );
    fc.assert(
      fc.property(placed, moves, ({ extent, region }, list) => {
        let now = region;
        for (const { right, up, time, ranks, at } of list) {
          now = clampRegion(panRegion(now, right, up), extent);
          now = clampRegion(zoomRegion(now, time, ranks, at, at), extent);
          expect(faultsOf(now, extent)).toEqual([]);
        }
      }),
    );
  });

  it('keep their size when they are only moved', () => {
    fc.assert(
      fc.property(placed, part, ({ extent, region }, right) => {
        const moved = clampRegion(panRegion(region, right - 0.5, 0), extent);
        const span = region.to - region.from;
        expect(moved.to - moved.from).toBeCloseTo(span, 3);
      }),
    );
  });

  it('keep what is under the pointer when they are zoomed', () => {
    fc.assert(
      fc.property(placed, part, part, ({ region }, atTime, atRank) => {
        const zoomed = zoomRegion(region, 0.5, 0.7, atTime, atRank);
        const before = region.from + (region.to - region.from) * atTime;
        const after = zoomed.from + (zoomed.to - zoomed.from) * atTime;
        expect(Math.abs(after - before)).toBeLessThan(1e-5);
        const rank = region.low + (region.high - region.low) * atRank;
        expect(Math.abs(zoomed.low + (zoomed.high - zoomed.low) * atRank - rank)).toBeLessThan(
          1e-6,
        );
      }),
    );
  });

  it('do not creep when the closest look is zoomed further', () => {
    const closest = { from: 100, to: 100 + LEAST_TIME, low: 5, high: 5 + LEAST_RANKS };
    expect(zoomRegion(closest, 0.5, 0.5, 0.9, 0.1)).toEqual({
      from: closest.from,
      to: closest.to,
      low: closest.low,
      high: closest.high,
    });
  });

  it('are where the pixels say', () => {
    fc.assert(
      fc.property(placed, part, part, ({ region }, x, y) => {
        const at = { x: x * frame.width, y: y * frame.height };
        expect(xOfOrdinal(region, frame, ordinalOfX(region, frame, at.x))).toBeCloseTo(at.x, 2);
        expect(yOfRank(region, frame, rankOfY(region, frame, at.y))).toBeCloseTo(at.y, 2);
      }),
    );
    const region = { from: 0, to: 10, low: 0, high: 4 };
    expect(yOfRank(region, frame, 4)).toBe(0);
    expect(yOfRank(region, frame, 0)).toBe(frame.height);
  });

  it('move no more than is needed to show a place', () => {
    const region = { from: 0, to: 100, low: 0, high: 10 };
    expect(regionAround(region, 50, 5)).toEqual(region);
    expect(regionAround(region, 1000, null)).toEqual({ from: 950, to: 1050, low: 0, high: 10 });
    const shown = regionAround(region, 99.5, 30);
    expect(shown.low).toBe(25);
    expect(99.5).toBeLessThan(shown.to);
  });
});

describe('the way between two regions', () => {
  it('begins at the one, ends at the other and never turns', () => {
    fc.assert(
      fc.property(placed, placed, ({ region: a }, { region: b }) => {
        expect(betweenRegions(a, b, 0)).toEqual({
          from: a.from,
          to: a.to,
          low: a.low,
          high: a.high,
        });
        expect(betweenRegions(a, b, 1)).toEqual({
          from: b.from,
          to: b.to,
          low: b.low,
          high: b.high,
        });
        const steps = [0.2, 0.4, 0.6, 0.8].map((t) => betweenRegions(a, b, t));
        for (const { from, to } of steps) {
          const slack = 1e-6 * Math.max(a.to, b.to);
          expect(from).toBeGreaterThanOrEqual(Math.min(a.from, b.from) - slack);
          expect(to).toBeLessThanOrEqual(Math.max(a.to, b.to) + slack);
          expect(from).toBeLessThan(to);
        }
      }),
    );
  });
});

describe('a pointer that stands still', () => {
  it('is over what the new region has at its place of the screen', () => {
    fc.assert(
      fc.property(placed, placed, part, part, ({ region: before }, { region: after }, a, b) => {
        const [x, y] = [a * frame.width, b * frame.height];
        const at = { ordinal: ordinalOfX(before, frame, x), rank: rankOfY(before, frame, y) };
        const now = samePart(at, before, after);
        expect(xOfOrdinal(after, frame, now.ordinal)).toBeCloseTo(x, 1);
        expect(yOfRank(after, frame, now.rank ?? -1)).toBeCloseTo(y, 1);
      }),
    );
  });

  it('has no rank over the axis of time', () => {
    const before = { from: 0, to: 10, low: 0, high: 1 };
    const now = samePart({ ordinal: 5, rank: null }, before, { ...before, from: 100, to: 120 });
    expect(now).toEqual({ ordinal: 110, rank: null });
  });
});
