// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { fakeAccess, fakeAddress, fakeRow } from '../../test/fakes/viewer-accesses.ts';
import { isNear, isOfMode, placeAccesses } from './near-accesses.ts';
import { columnAt } from './track-data.ts';

describe('single accesses', () => {
  it('are placed where their address is, and left out where it is not in view', () => {
    const accesses = 10_000;
    const ordinals = Array.from({ length: 300 }, (_, i) => i);
    const rows = ordinals.map((ordinal) => fakeRow(ordinal, accesses));
    const pages = Array.from({ length: 20 }, (_, i) => fakeAddress(235 + i));
    const placed = placeAccesses(rows, 'virtual', 235, pages);
    const expected = ordinals
      .map((ordinal) => ({ ordinal, rank: fakeAccess(ordinal, accesses).rank }))
      .filter(({ rank }) => rank >= 235 && rank < 255);
    expect(placed.map(({ row, rank }) => ({ ordinal: row.ordinal, rank }))).toEqual(expected);
    expect(placed.length).toBeGreaterThan(10);
  });

  it('without an address of the space are nowhere', () => {
    const row = { ...fakeRow(1, 100), paddr: null };
    expect(placeAccesses([row], 'physical', 0, ['0x0'])).toEqual([]);
  });

  it('are shown as loads and stores are', () => {
    const rows = Array.from({ length: 30 }, (_, i) => fakeRow(i, 100));
    const kinds = (mode: 'sum' | 'split' | 'loads' | 'stores'): string[] => [
      ...new Set(rows.filter((row) => isOfMode(mode, row)).map(({ kind }) => kind)),
    ];
    expect(kinds('loads')).toEqual(['load']);
    expect(kinds('stores')).toEqual(['store']);
    expect(kinds('sum').sort()).toEqual(['load', 'store']);
    expect(kinds('split').sort()).toEqual(['load', 'store']);
  });

  it('are shown when few are in view', () => {
    expect(isNear({ from: 0, to: 300, low: 0, high: 4 })).toBe(true);
    expect(isNear({ from: 0, to: 3000, low: 0, high: 4 })).toBe(false);
    expect(isNear({ from: 0, to: 300, low: 0, high: 4000 })).toBe(false);
  });
});

describe('columns of tracks', () => {
  const reply = {
    begins: [100, 200, 300],
    end: 400,
    timeStep: 100,
    known: [],
    pages: [],
    addressSpaces: [],
    vcpus: [],
  };

  it.each([
    [99, undefined],
    [100, 0],
    [199, 0],
    [200, 1],
    [399, 2],
  ])('hold ordinal %i in column %s', (ordinal, column) => {
    expect(columnAt(reply, ordinal)).toBe(column);
  });
});
