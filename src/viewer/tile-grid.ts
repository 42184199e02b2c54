// SPDX-License-Identifier: Apache-2.0
// The grid of tiles. A tile has 256 x 256 cells; a cell of time level t and byte level b is 2^t accesses by 2^b bytes,
// and tiles begin at whole multiples of their size: whatever the view, the same places give the same tiles. Pure.

import { PAGE_BYTES, type Space } from '../server/protocol.ts';
import type { Extent, Frame, Region } from './view.ts';

export const TILE_CELLS = 256;

/** More cells than this in a view are more than one sees; a 4K screen gets larger cells instead. */
const MOST_COLUMNS = 1800;
const MOST_ROWS = 1100;
/** On finer screens cells are larger than a device pixel: one of half a point is too small to be seen. */
const MOST_RATIO = 1.5;

export interface TileLevel {
  readonly time: number;
  readonly bytes: number;
}

export interface TilePlace extends TileLevel {
  readonly space: Space;
  readonly stream: number;
  /** Counted in tiles from ordinal 0 and from rank 0. */
  readonly column: number;
  readonly row: number;
}

export function tileKey({ space, stream, time, bytes, column, row }: TilePlace): string {
  return `${space}/${stream}/${time}/${bytes}/${column}/${row}`;
}

/** The finest level whose cells are not smaller than a device pixel. */
export function levelOf(region: Region, frame: Frame, pixelRatio: number): TileLevel {
  const ratio = Math.min(pixelRatio, MOST_RATIO);
  const columns = Math.max(1, Math.min(frame.width * ratio, MOST_COLUMNS));
  const rows = Math.max(1, Math.min(frame.height * ratio, MOST_ROWS));
  return {
    time: levelFor((region.to - region.from) / columns),
    bytes: levelFor(((region.high - region.low) * PAGE_BYTES) / rows),
  };
}

function levelFor(unitsPerCell: number): number {
  // A hair below a power of two is that power: rounding must not choose a level twice as coarse.
  return Math.max(0, Math.ceil(Math.log2(unitsPerCell) - 1e-9));
}

/** Accesses and ranks that a tile of this level covers. */
function tileSpan(level: TileLevel): { readonly time: number; readonly ranks: number } {
  return {
    time: TILE_CELLS * 2 ** level.time,
    ranks: (TILE_CELLS * 2 ** level.bytes) / PAGE_BYTES,
  };
}

export function tileRegion(place: TilePlace): Region {
  const { time, ranks } = tileSpan(place);
  return {
    from: place.column * time,
    to: (place.column + 1) * time,
    low: place.row * ranks,
    high: (place.row + 1) * ranks,
  };
}

/** Tiles that show a part of the region, and `margin` more on each side, nearest to its middle first. */
export function tilesIn(
  region: Region,
  space: Space,
  stream: number,
  level: TileLevel,
  extent: Extent,
  margin = 0,
): TilePlace[] {
  const { time, ranks } = tileSpan(level);
  const columns = cover(region.from, region.to, time, extent.accesses, margin);
  const rows = cover(region.low, region.high, ranks, extent.pages, margin);
  const places: TilePlace[] = [];
  for (let row = rows.first; row < rows.end; row++) {
    for (let column = columns.first; column < columns.end; column++) {
      places.push({ space, stream, time: level.time, bytes: level.bytes, column, row });
    }
  }
  const middleColumn = (region.from + region.to) / 2 / time - 0.5;
  const middleRow = (region.low + region.high) / 2 / ranks - 0.5;
  const distance = (place: TilePlace): number =>
    Math.hypot(place.column - middleColumn, place.row - middleRow);
  return places.sort((a, b) => distance(a) - distance(b));
}

function cover(
  begin: number,
  end: number,
  size: number,
  most: number,
  margin: number,
): { readonly first: number; readonly end: number } {
  const last = Math.max(0, Math.ceil(most / size));
  return {
    first: Math.min(last, Math.max(0, Math.floor(begin / size) - margin)),
    end: Math.max(0, Math.min(last, Math.ceil(end / size) + margin)),
  };
}

/** What api/tile is asked for: the tile, cut to whole cells that begin inside the trace. */
export interface TileRequest extends Region {
  readonly columns: number;
  readonly rows: number;
}

export function tileRequest(place: TilePlace, extent: Extent): TileRequest {
  const region = tileRegion(place);
  const step = 2 ** place.time;
  const rise = 2 ** place.bytes / PAGE_BYTES;
  const columns = cellsWithin(region.from, extent.accesses, step);
  const rows = cellsWithin(region.low, extent.pages, rise);
  return {
    from: region.from,
    to: region.from + columns * step,
    low: region.low,
    high: region.low + rows * rise,
    columns,
    rows,
  };
}

function cellsWithin(begin: number, most: number, step: number): number {
  return Math.max(1, Math.min(TILE_CELLS, Math.ceil((most - begin) / step)));
}
