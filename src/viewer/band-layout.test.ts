// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Band } from '../server/protocol.ts';
import { type BandLabel, breakName, findBand, type PlacedBand, placeBands } from './band-layout.ts';

const HEIGHT = 14;
const frame = { width: 800, height: 300 };
const CHARACTER = 6;
const widthOf = (text: string): number => CHARACTER * text.length;
/** For some thirteen letters a line. */
const linesOf = (name: string, mostLines: number): string[] =>
  breakName(name, mostLines, 80, widthOf);

const NAMES = ['user', 'direct map, vmalloc or struct page', 'CPU entry area', 'kernel image'];

function bandsOf(sizes: readonly number[]): Band[] {
  let first = 0;
  return sizes.map((size, i) => {
    const band = {
      name: NAMES[i % NAMES.length] ?? '',
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

function edgesOf({ middle, lines }: BandLabel): Pick<PlacedBand, 'top' | 'bottom'> {
  const half = (lines.length * HEIGHT) / 2;
  return { top: middle - half, bottom: middle + half };
}

describe('names of bands', () => {
  it('do not cover each other, stay on the axis and near their band', () => {
    fc.assert(
      fc.property(worlds, ({ bands, region }) => {
        const placed = placeBands(bands, region, frame, HEIGHT, linesOf);
        const edges = placed
          .flatMap(({ label }) => (label === null ? [] : [edgesOf(label)]))
          .sort((a, b) => a.top - b.top);
        for (const [i, { top }] of edges.entries()) {
          expect(top).toBeGreaterThanOrEqual((edges[i - 1]?.bottom ?? 0) - 1e-3);
        }
        expect(edges.at(-1)?.bottom ?? 0).toBeLessThanOrEqual(frame.height + 1e-3);
        for (const { label, top, bottom } of placed) {
          if (label === null) continue;
          expect(label.middle).toBeGreaterThanOrEqual(top - HEIGHT);
          expect(label.middle).toBeLessThanOrEqual(bottom + HEIGHT);
          // More than one line only where the band has room for them.
          const room = Math.max(HEIGHT, bottom - top);
          expect(label.lines.length * HEIGHT).toBeLessThanOrEqual(room);
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
      linesOf,
    );
    expect(lower?.label).toEqual({ lines: ['user'], middle: 250 });
    const lines = ['direct map,', 'vmalloc or', 'struct page'];
    expect(upper?.label).toEqual({ lines, middle: 100 });
    const upperAlone = { from: 0, to: 1, low: 150, high: 200 };
    expect(placeBands(bandsOf([100, 100]), upperAlone, frame, HEIGHT, linesOf)).toHaveLength(1);
  });

  it('belong to the largest bands where there is no room for all', () => {
    const placed = placeBands(
      bandsOf([1, 1, 1, 1, 1000]),
      { from: 0, to: 1, low: 0, high: 1004 },
      frame,
      HEIGHT,
      linesOf,
    );
    expect(placed.at(-1)?.label).not.toBeNull();
    expect(placed.filter(({ label }) => label !== null).length).toBeLessThan(5);
  });

  it('are broken between words, and what is left over is cut', () => {
    const name = 'direct map, vmalloc or struct page';
    expect([1, 2, 3, 4].map((most) => linesOf(name, most))).toEqual([
      ['direct map…'],
      ['direct map,', 'vmalloc or s…'],
      ['direct map,', 'vmalloc or', 'struct page'],
      ['direct map,', 'vmalloc or', 'struct page'],
    ]);
    expect(linesOf('unpronounceable', 3)).toEqual(['unpronouncea…']);
    expect(linesOf('RAM', 3)).toEqual(['RAM']);
  });
});

describe('the band of a place', () => {
  it('reaches from its first page to the next one, and there is none elsewhere', () => {
    const bands = bandsOf([2, 1]);
    const found = [-0.1, 0, 1.99, 2, 2.5, 3].map((rank) => findBand(bands, rank));
    const [user, map] = bands;
    expect(found).toEqual([undefined, user, user, map, map, undefined]);
  });
});
