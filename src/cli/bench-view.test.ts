// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { medianRate } from './bench-page.ts';
import { mergeRuns, p95 } from './commands/bench-view.ts';
import { walkTiles } from './tile-walk.ts';

const RUN = {
  indexAccessesPerSecond: 30e6,
  indexBytesPerAccess: 0.04,
  pageReadyMs: 900,
  tileP95Ms: 40,
  framesPerSecond: 60,
  browserHeapBytes: 100,
  serverPeakBytes: 400,
};

describe('what "bench view" makes of its measurements', () => {
  it('takes medians, and of memory the highest', () => {
    const slow = { ...RUN, pageReadyMs: 5000, browserHeapBytes: 90, serverPeakBytes: 450 };
    const quick = { ...RUN, pageReadyMs: 800, framesPerSecond: 20 };
    expect(mergeRuns([slow, RUN, quick])).toEqual({ ...RUN, serverPeakBytes: 450 });
  });

  it('tells frames by the median of what lies between them', () => {
    expect(medianRate([0, 10, 20, 520, 530])).toBe(100);
    expect(medianRate([7])).toBe(0);
  });

  it('leaves out the slowest twentieth', () => {
    expect(p95(Array.from({ length: 101 }, (_, i) => 100 - i))).toBe(95);
    expect(p95([3])).toBe(3);
  });
});

describe('the walk over tiles', () => {
  const pages = [
    { space: 'virtual', pageCount: 5000 },
    { space: 'physical', pageCount: 300 },
  ];
  const walk = walkTiles({ pages, ordinalEnd: 1e6 }, 2000, 1);

  it('stays within the trace, begins with all of it and comes down to little', () => {
    expect(walk).toHaveLength(2000);
    expect(walk[0]).toEqual({ space: 'virtual', from: 0, to: 1e6, low: 0, high: 5000 });
    for (const { space, from, to, low, high } of walk) {
      const pageCount = space === 'virtual' ? 5000 : 300;
      expect(from >= 0 && from < to && to <= 1e6 && low >= 0 && low < high).toBe(true);
      expect(high).toBeLessThanOrEqual(pageCount * (1 + 1e-12));
    }
    expect(walk.some(({ from, to }) => to - from < 100)).toBe(true);
    expect(walk.some(({ space }) => space === 'physical')).toBe(true);
  });

  it('is the same for the same seed', () => {
    expect(walkTiles({ pages, ordinalEnd: 1e6 }, 2000, 1)).toEqual(walk);
    expect(walkTiles({ pages, ordinalEnd: 1e6 }, 2000, 2)).not.toEqual(walk);
  });
});
