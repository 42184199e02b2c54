// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { sumCells } from './map-cells.ts';
import { describeMap, type MapFacts } from './map-words.ts';
import { TILE_CELLS, type TilePlace } from './tile-grid.ts';
import type { Region } from './view.ts';

/** Tiles of 256 accesses by 256 bytes, a cell each. */
const PLACES: readonly TilePlace[] = [0, 1].map((column) => ({
  ...{ space: 'virtual', stream: 0, time: 0, bytes: 0, column, row: 0 },
}));
const BYTE = 1 / 4096;

function storeWith(
  counts: readonly (readonly [ordinal: number, byte: number, loads: number, stores: number])[],
) {
  const tileOf = (place: TilePlace) => {
    const loads = new Uint32Array(TILE_CELLS ** 2);
    const stores = new Uint32Array(TILE_CELLS ** 2);
    for (const [ordinal, byte, l, s] of counts) {
      const column = ordinal - place.column * TILE_CELLS;
      if (column < 0 || column >= TILE_CELLS) continue;
      loads[byte * TILE_CELLS + column] = l;
      stores[byte * TILE_CELLS + column] = s;
    }
    const reply = {
      columns: TILE_CELLS,
      rows: TILE_CELLS,
      timeStep: 1,
      byteStep: 1,
      loads,
      stores,
    };
    return { place, reply };
  };
  const tiles = new Map(PLACES.map((place) => [place.column, tileOf(place)]));
  return { find: ({ column }: TilePlace) => tiles.get(column) };
}

describe('cells of the map, summed up', () => {
  const store = storeWith([
    [0, 0, 1, 0],
    [100, 8, 2, 3],
    [300, 16, 0, 4],
    [511, 255, 9, 0],
  ]);
  const whole: Region = { from: 0, to: 512, low: 0, high: 256 * BYTE };

  it('are those of all tiles, and the busiest is where it is', () => {
    const { loads, stores, busiest } = sumCells(store, PLACES, whole);
    expect([loads, stores]).toEqual([12, 7]);
    expect(busiest).toMatchObject({ loads: 9, stores: 0 });
    expect(busiest?.region).toEqual({ from: 511, to: 512, low: 255 * BYTE, high: 256 * BYTE });
  });

  it.each([
    [{ from: 1, to: 511, low: 0, high: 256 * BYTE }, [2, 7], 100],
    [{ from: 101, to: 512, low: 0, high: 255 * BYTE }, [0, 4], 300],
    [{ from: 100, to: 101, low: 8 * BYTE, high: 9 * BYTE }, [2, 3], 100],
  ] as const)('are those in the region %o', (region, sums, ordinal) => {
    const { loads, stores, busiest } = sumCells(store, PLACES, region);
    expect([loads, stores]).toEqual(sums);
    expect(busiest?.region.from).toBe(ordinal);
  });

  it('are of cells that are counted whole', () => {
    const within = { from: 100.25, to: 300.5, low: 0.5 * BYTE, high: 8.5 * BYTE };
    const { covered } = sumCells(store, PLACES, within);
    expect(covered).toEqual({ from: 100, to: 301, low: 0, high: 9 * BYTE });
  });

  it('may be none', () => {
    const none = { from: 101, to: 102, low: 0, high: BYTE };
    const sums = { loads: 0, stores: 0, busiest: null, covered: none };
    expect(sumCells(store, PLACES, none)).toEqual(sums);
    expect(sumCells(store, [], whole).busiest).toBeNull();
  });
});

describe('the map in words', () => {
  const facts: MapFacts = {
    view: { space: 'virtual', stream: 0, from: -5, to: 1000.5, low: 1, high: 3, colours: 'split' },
    extent: { accesses: 2000, pages: 10 },
    bands: [
      { name: 'user', first: 0, end: 1, lowAddress: '0x1000', highAddress: '0x2000' },
      { name: 'stacks', first: 1, end: 2, lowAddress: '0x7000', highAddress: '0x8000' },
      { name: 'kernel', first: 2, end: 10, lowAddress: '0xf000', highAddress: '0xffff' },
    ],
    first: '0x7000',
    last: '0xffff',
    busiest: '0xf010',
    sums: {
      loads: 1500,
      stores: 20,
      busiest: {
        ...{ loads: 40, stores: 2, timeStep: 1, byteStep: 1 },
        region: { from: 128, to: 256, low: 2, high: 2.5 },
      },
      covered: { from: -5, to: 1000.5, low: 1, high: 3 },
    },
  };

  it('says what is in view and where most is', () => {
    expect(describeMap(facts)).toBe(
      'Virtual memory; accesses 0 to 1,000 of 2,000; addresses 0x7000 to 0xffff, in stacks, kernel. Loads and stores apart; ' +
        '1,500 loads and 20 stores, one that crosses pages counted on each; most in one cell: 42, at access 128, 0xf010 in kernel.',
    );
  });

  it.each([
    [{ from: -128, to: 1024, low: 1, high: 3 }, 'accesses 0 to 1,023'],
    [{ from: -128, to: 4096, low: 1, high: 3 }, 'accesses 0 to 1,999'],
    [{ from: 0, to: 1000.5, low: 0.5, high: 3 }, 'accesses 0 to 1,000'],
  ])('says what was counted where cells reach further: %o', (covered, accesses) => {
    expect(describeMap({ ...facts, sums: { ...facts.sums, covered } })).toContain(
      `counted on each, in the whole of the cells in view: ${accesses}; most in`,
    );
  });

  it('says that nothing is', () => {
    const { covered } = facts.sums;
    const sums = { loads: 0, stores: 0, busiest: null, covered };
    expect(describeMap({ ...facts, sums, busiest: null })).toMatch(/; no access is in view\.$/);
  });
});
