// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Band } from '../server/protocol.ts';
import { placeBands } from './band-layout.ts';

const HEIGHT = 14;
const frame = { width: 800, height: 300 };

function bandsOf(sizes: readonly number[]): Band[] {
  let first = 0;
  return sizes.map((size, i) => {
    const band = {
      name: `band ${i}`,
      first,
      end: first + size,
      lowAddress: '0x0',
      highAddress: '0x0',
    };
    first += size;
    return band;
  });
}

const worlds = fc
  .tuple(
    fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 40, size: 'max' }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  )
  .map(([sizes, a, b]) => {
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const low = Math.min(a, b) * total * 0.99;
    return {
      bands: bandsOf(sizes),
      region: { from: 0, to: 1, low, high: Math.max(low + 0.1, Math.max(a, b) * total) },
    };
  });

describe('names of bands', () => {
  it('do not cover each other, stay on the axis and near their band', () => {
    fc.assert(
      fc.property(worlds, ({ bands, region }) => {
        const placed = placeBands(bands, region, frame, HEIGHT);
        const labels = placed
          .flatMap(({ label }) => (label === null ? [] : [label]))
          .sort((a, b) => a - b);
        for (let i = 1; i < labels.length; i++) {
          expect((labels[i] ?? 0) - (labels[i - 1] ?? 0)).toBeGreaterThanOrEqual(HEIGHT - 1e-3);
        }
        for (const { label, top, bottom } of placed) {
          if (label === null) continue;
          expect(label).toBeGreaterThanOrEqual(HEIGHT / 2);
          expect(label).toBeLessThanOrEqual(frame.height - HEIGHT / 2);
          expect(label).toBeGreaterThanOrEqual(top - HEIGHT);
          expect(label).toBeLessThanOrEqual(bottom + HEIGHT);
        }
      }),
    );
  });

  it('stand in the middle of what is visible of the band', () => {
    const [lower, upper] = placeBands(
      bandsOf([100, 100]),
      { from: 0, to: 1, low: 50, high: 200 },
      frame,
      HEIGHT,
    );
    expect(lower?.label).toBe(250);
    expect(upper?.label).toBe(100);
    expect(
      placeBands(bandsOf([100, 100]), { from: 0, to: 1, low: 150, high: 200 }, frame, HEIGHT),
    ).toHaveLength(1);
  });

  it('belong to the largest bands where there is no room for all', () => {
    const placed = placeBands(
      bandsOf([1, 1, 1, 1, 1000]),
      { from: 0, to: 1, low: 0, high: 1004 },
      frame,
      HEIGHT,
    );
    expect(placed.at(-1)?.label).not.toBeNull();
    expect(placed.filter(({ label }) => label !== null).length).toBeLessThan(5);
  });
});
