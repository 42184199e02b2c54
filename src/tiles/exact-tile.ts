// SPDX-License-Identifier: Apache-2.0
// Tiles from the accesses themselves. An access counts at its first byte and, when it crosses a page, at the
// first byte of its second part too.

import { type ChunkPlaces, NO_RANK, PLACE_STORE } from './chunk-protocol.ts';
import { PAGE_BYTES } from './layout.ts';
import { cellAt, edgeOf, rankAxis, type TileGrid, timeAxis, wholeCells } from './tile-grid.ts';

/** Adds those accesses of a chunk, which begins at firstOrdinal, that are in the tile. */
export function addPlaces(
  grid: TileGrid,
  places: ChunkPlaces,
  firstOrdinal: number,
  pageCount: number,
): void {
  const { columns, low, high } = grid;
  const { rank, offset } = places;
  const time = timeAxis(grid);
  const ranks = rankAxis(grid);
  const begin = Math.max(0, grid.from - firstOrdinal);
  const end = Math.min(rank.length, grid.to - firstOrdinal);
  if (begin >= end) return;
  const lowRank = Math.floor(low);
  const highRank = Math.min(Math.ceil(high), pageCount);
  const rowOf = wholeCells(ranks, { begin: lowRank, end: highRank }, 1, Infinity);
  let column = cellAt(time, firstOrdinal + begin);
  let columnEnd = edgeOf(time, column + 1) - firstOrdinal;
  for (let i = begin; i < end; i++) {
    while (i >= columnEnd) {
      column++;
      columnEnd = edgeOf(time, column + 1) - firstOrdinal;
    }
    const page = rank[i];
    if (page < lowRank || page >= highRank) continue;
    let row = rowOf[page - lowRank];
    if (row < 0) {
      const position = page + (offset[i] & (PAGE_BYTES - 1)) / PAGE_BYTES;
      if (position < low || position >= high) continue;
      row = cellAt(ranks, position);
    }
    const counts = (offset[i] & PLACE_STORE) === 0 ? grid.loads : grid.stores;
    counts[row * columns + column]++;
  }
  const { secondIndex, secondRank, secondByte } = places;
  for (let at = 0; at < secondIndex.length; at++) {
    const i = secondIndex[at];
    const position = secondRank[at] + secondByte[at] / PAGE_BYTES;
    if (i < begin || i >= end || position < low || position >= high) continue;
    if (secondRank[at] === NO_RANK) continue;
    const counts = (offset[i] & PLACE_STORE) === 0 ? grid.loads : grid.stores;
    counts[cellAt(ranks, position) * columns + cellAt(time, firstOrdinal + i)]++;
  }
}
