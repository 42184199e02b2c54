// SPDX-License-Identifier: Apache-2.0
// Which cell of the map is at a place, and what was counted in it.

import type { TileReply } from './api-client.ts';
import { TILE_CELLS, type TilePlace, tileRegion } from './tile-grid.ts';
import type { Region } from './view.ts';

/** What is here of tiles. */
interface CountedTiles {
  find(place: TilePlace): { readonly reply: Omit<TileReply, 'maximum' | 'isRefining'> } | undefined;
}

export interface CellUnder {
  readonly region: Region;
  readonly loads: number;
  readonly stores: number;
  /** What the counts are known for; larger than a cell: they were spread. */
  readonly timeStep: number;
  readonly byteStep: number;
}

export function cellUnder(
  store: CountedTiles,
  visible: readonly TilePlace[],
  ordinal: number,
  rank: number,
): CellUnder | undefined {
  const place = visible.find((tile) => {
    const { from, to, low, high } = tileRegion(tile);
    return ordinal >= from && ordinal < to && rank >= low && rank < high;
  });
  const tile = place === undefined ? undefined : store.find(place);
  if (place === undefined || tile === undefined) return undefined;
  const { from, to, low, high } = tileRegion(place);
  const { reply } = tile;
  const width = (to - from) / TILE_CELLS;
  const height = (high - low) / TILE_CELLS;
  const column = Math.floor((ordinal - from) / width);
  const row = Math.floor((rank - low) / height);
  if (column >= reply.columns || row >= reply.rows) return undefined;
  const cell = row * reply.columns + column;
  return {
    region: {
      from: from + column * width,
      to: from + (column + 1) * width,
      low: low + row * height,
      high: low + (row + 1) * height,
    },
    loads: reply.loads[cell] ?? 0,
    stores: reply.stores[cell] ?? 0,
    timeStep: reply.timeStep,
    byteStep: reply.byteStep,
  };
}

/** The nearest cell with accesses that is not further than `reach` cells away; else the one at the place. */
export function nearestUsedCell(
  cellAt: (ordinal: number, rank: number) => CellUnder | undefined,
  ordinal: number,
  rank: number,
  reach: number,
): CellUnder | undefined {
  const own = cellAt(ordinal, rank);
  if (own === undefined || own.loads + own.stores > 0) return own;
  const width = own.region.to - own.region.from;
  const height = own.region.high - own.region.low;
  let best: CellUnder | undefined;
  let bestDistance = reach + 0.5;
  for (let dx = -reach; dx <= reach; dx++) {
    for (let dy = -reach; dy <= reach; dy++) {
      const distance = Math.hypot(dx, dy);
      if (distance >= bestDistance) continue;
      const cell = cellAt(ordinal + dx * width, rank + dy * height);
      if (cell === undefined || cell.loads + cell.stores === 0) continue;
      best = cell;
      bestDistance = distance;
    }
  }
  return best ?? own;
}

export interface CellSums {
  readonly loads: number;
  readonly stores: number;
  /** With the most accesses; null: there are none. */
  readonly busiest: CellUnder | null;
  /** What those cells are of: cells are counted whole. */
  readonly covered: Region;
}

/** Of all cells of these tiles that are in the region, in whole or in part. */
export function sumCells(
  store: CountedTiles,
  visible: readonly TilePlace[],
  region: Region,
): CellSums {
  let [loads, stores, most] = [0, 0, 0];
  let busiest: readonly [ordinal: number, rank: number] | null = null;
  let covered: Region = region;
  for (const place of visible) {
    const tile = store.find(place);
    if (tile === undefined) continue;
    const own = tileRegion(place);
    const width = (own.to - own.from) / TILE_CELLS;
    const height = (own.high - own.low) / TILE_CELLS;
    const { columns, rows, loads: l, stores: s } = tile.reply;
    const [left, right] = within(
      (region.from - own.from) / width,
      (region.to - own.from) / width,
      columns,
    );
    const [bottom, top] = within(
      (region.low - own.low) / height,
      (region.high - own.low) / height,
      rows,
    );
    if (left < right && bottom < top) {
      covered = {
        from: Math.min(covered.from, own.from + left * width),
        to: Math.max(covered.to, own.from + right * width),
        low: Math.min(covered.low, own.low + bottom * height),
        high: Math.max(covered.high, own.low + top * height),
      };
    }
    for (let row = bottom; row < top; row++) {
      for (let cell = row * columns + left; cell < row * columns + right; cell++) {
        const count = (l[cell] ?? 0) + (s[cell] ?? 0);
        loads += l[cell] ?? 0;
        stores += s[cell] ?? 0;
        if (count <= most) continue;
        most = count;
        const column = cell - row * columns;
        busiest = [own.from + (column + 0.5) * width, own.low + (row + 0.5) * height];
      }
    }
  }
  const cell = busiest === null ? undefined : cellUnder(store, visible, ...busiest);
  return { loads, stores, busiest: cell ?? null, covered };
}

function within(begin: number, end: number, count: number): readonly [number, number] {
  return [Math.max(0, Math.floor(begin)), Math.min(count, Math.ceil(end))];
}
