// SPDX-License-Identifier: Apache-2.0
// What the map shows, in words, for those who do not see it. Pure.

import { formatCount, formatQuantity } from '../base/index.ts';
import type { Band } from '../server/protocol.ts';
import { findBand } from './band-layout.ts';
import type { CellSums } from './map-cells.ts';
import type { ColourMode, Extent, Region, View } from './view.ts';

export interface MapFacts {
  readonly view: View;
  readonly extent: Extent;
  readonly bands: readonly Band[];
  /** Of the first and the last byte in view, and of the busiest cell. */
  readonly first: string;
  readonly last: string;
  readonly busiest: string | null;
  readonly sums: CellSums;
}

const MODES: { readonly [M in ColourMode]: string } = {
  sum: 'Loads and stores together',
  split: 'Loads and stores apart',
  loads: 'Loads alone',
  stores: 'Stores alone',
};

export function describeMap(facts: MapFacts): string {
  const { view, extent, bands, first, last, sums } = facts;
  const { from, to } = wholeTime(view, extent);
  const shown = bands.filter((band) => band.first < view.high && band.end > view.low);
  const names = shown.map(({ name }) => name).join(', ');
  return [
    `${view.space === 'virtual' ? 'Virtual' : 'Physical'} memory`,
    `accesses ${formatCount(from)} to ${formatCount(to - 1)} of ${formatCount(extent.accesses)}`,
    `addresses ${first} to ${last}${names === '' ? '' : `, in ${names}`}. ${MODES[view.colours]}`,
    describeSums(facts, sums),
  ].join('; ');
}

function describeSums(
  { bands, busiest, view, extent }: MapFacts,
  { loads, stores, busiest: cell, covered }: CellSums,
): string {
  if (cell === null) return 'no access is in view.';
  const { from, low } = cell.region;
  const band = findBand(bands, low)?.name;
  const where = [busiest ?? '', band === undefined ? '' : `in ${band}`].join(' ').trim();
  return [
    `${formatQuantity(loads, 'load')} and ${formatQuantity(stores, 'store')}, one that crosses pages counted on each${describeExcess(covered, view, extent)}`,
    `most in one cell: ${formatCount(cell.loads + cell.stores)}, at access ${formatCount(Math.floor(from))}, ${where}.`,
  ].join('; ');
}

/** Cells at the edges reach beyond what is in view, and are counted whole. */
function describeExcess(covered: Region, view: View, extent: Extent): string {
  const time = wholeTime(covered, extent);
  const shown = wholeTime(view, extent);
  const pages = (region: Region): string =>
    `${Math.max(0, region.low)} ${Math.min(extent.pages, region.high)}`;
  if (time.from === shown.from && time.to === shown.to && pages(covered) === pages(view)) return '';
  return `, in the whole of the cells in view: accesses ${formatCount(time.from)} to ${formatCount(time.to - 1)}`;
}

function wholeTime({ from, to }: Region, { accesses }: Extent): { from: number; to: number } {
  const first = Math.max(0, Math.floor(from));
  return { from: first, to: Math.max(first + 1, Math.min(accesses, Math.ceil(to))) };
}
