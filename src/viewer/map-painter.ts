// SPDX-License-Identifier: Apache-2.0
// Draws the map's tiles. Per frame it only copies images that are coloured already.

import type { DamagedTime } from '../server/protocol.ts';
import { MAP_BACKGROUND, MAP_DAMAGED, type Theme } from './palette.ts';
import { levelOf, TILE_CELLS, type TilePlace, tileRegion, tilesIn } from './tile-grid.ts';
import { colourMaximum, type StoredTile, type TileStore } from './tile-store.ts';
import { type Extent, type Frame, type Region, type View, xOfOrdinal, yOfRank } from './view.ts';

/** How many levels up and down a stand-in for a missing tile is looked for. */
const COARSER = 14;
const FINER = 2;

export interface PaintedMap {
  readonly visible: readonly TilePlace[];
  /** End of the colour scale. */
  readonly maximum: number;
  /** What the counts of all that is visible are known for. */
  readonly timeStep: number;
  readonly byteStep: number;
  /** All visible tiles are here, or failed. */
  readonly isWhole: boolean;
}

/** Nothing was counted together that cells tell apart. */
export function isExact({ timeStep, byteStep }: PaintedMap): boolean {
  return timeStep === 1 && byteStep === 1;
}

export function paintMap(
  context: CanvasRenderingContext2D,
  store: TileStore,
  view: View,
  frame: Frame,
  pixelRatio: number,
  extent: Extent,
  theme: Theme,
  damaged: readonly DamagedTime[],
): PaintedMap {
  const level = levelOf(view, frame, pixelRatio);
  const visible = tilesIn(view, view.space, view.stream, level, extent);
  const device: Frame = { width: context.canvas.width, height: context.canvas.height };
  context.fillStyle = MAP_BACKGROUND[theme];
  context.fillRect(0, 0, device.width, device.height);
  context.imageSmoothingEnabled = false;
  const found = visible.map((place) => store.find(place));
  const here = found.filter((tile) => tile !== undefined);
  const maximum = colourMaximum(here, view.colours);
  visible.forEach((place, i) => {
    const tile = found[i];
    if (tile !== undefined) {
      store.colour(tile, { mode: view.colours, maximum, theme });
      drawPart(context, tile, tileRegion(place), view, device);
    } else {
      drawStandIn(context, store, place, view, device, theme);
      if (store.isRefused(place)) drawRefused(context, tileRegion(place), view, device, theme);
    }
  });
  const { low, high } = view;
  for (const { stream, from, to } of damaged) {
    if (stream === view.stream && from < view.to && to > view.from) {
      drawRefused(context, { from, to, low, high }, view, device, theme);
    }
  }
  return {
    visible,
    maximum,
    timeStep: here.reduce((step, { reply }) => Math.max(step, reply.timeStep), 1),
    byteStep: here.reduce((step, { reply }) => Math.max(step, reply.byteStep), 1),
    isWhole: visible.every((place, i) => found[i] !== undefined || store.isRefused(place)),
  };
}

/** The part of the tile's image that is in `region`, where that is on the screen. */
function drawPart(
  context: CanvasRenderingContext2D,
  tile: StoredTile,
  region: Region,
  view: View,
  device: Frame,
): void {
  const own = tileRegion(tile.place);
  const perTime = TILE_CELLS / (own.to - own.from);
  const perRank = TILE_CELLS / (own.high - own.low);
  // Edges on whole pixels, so that neighbours leave no seam.
  const left = Math.round(xOfOrdinal(view, device, region.from));
  const right = Math.round(xOfOrdinal(view, device, region.to));
  const top = Math.round(yOfRank(view, device, region.high));
  const bottom = Math.round(yOfRank(view, device, region.low));
  if (right <= left || bottom <= top) return;
  context.drawImage(
    tile.image,
    (region.from - own.from) * perTime,
    (own.high - region.high) * perRank,
    (region.to - region.from) * perTime,
    (region.high - region.low) * perRank,
    left,
    top,
    right - left,
    bottom - top,
  );
}

function drawStandIn(
  context: CanvasRenderingContext2D,
  store: TileStore,
  place: TilePlace,
  view: View,
  device: Frame,
  theme: Theme,
): void {
  const coarser = findCoarser(store, place);
  const draw = (tile: StoredTile, region: Region): void => {
    const maximum = colourMaximum([tile], view.colours);
    // Its own colours, as they were, unless these are of another mode or theme.
    if (!isColouredFor(tile, view, theme))
      store.colour(tile, { mode: view.colours, maximum, theme });
    drawPart(context, tile, region, view, device);
  };
  if (coarser !== undefined) draw(coarser, tileRegion(place));
  for (const tile of findFiner(store, place)) draw(tile, tileRegion(tile.place));
}

function isColouredFor(tile: StoredTile, view: View, theme: Theme): boolean {
  return tile.coloured.startsWith(`${view.colours}/`) && tile.coloured.endsWith(`/${theme}`);
}

function findCoarser(store: TileStore, place: TilePlace): StoredTile | undefined {
  for (let steps = 1; steps <= COARSER; steps++) {
    for (let time = 0; time <= steps; time++) {
      const bytes = steps - time;
      const tile = store.find({
        ...place,
        time: place.time + time,
        bytes: place.bytes + bytes,
        column: Math.floor(place.column / 2 ** time),
        row: Math.floor(place.row / 2 ** bytes),
      });
      if (tile !== undefined) return tile;
    }
  }
  return undefined;
}

function findFiner(store: TileStore, place: TilePlace): StoredTile[] {
  const tiles: StoredTile[] = [];
  for (let time = 0; time <= Math.min(FINER, place.time); time++) {
    for (let bytes = 0; bytes <= Math.min(FINER, place.bytes); bytes++) {
      if (time + bytes === 0) continue;
      for (let column = 0; column < 2 ** time; column++) {
        for (let row = 0; row < 2 ** bytes; row++) {
          const tile = store.find({
            ...place,
            time: place.time - time,
            bytes: place.bytes - bytes,
            column: place.column * 2 ** time + column,
            row: place.row * 2 ** bytes + row,
          });
          if (tile !== undefined) tiles.push(tile);
        }
      }
    }
  }
  return tiles;
}

/** Hatched: nothing is known of it. */
function drawRefused(
  context: CanvasRenderingContext2D,
  region: Region,
  view: View,
  device: Frame,
  theme: Theme,
): void {
  const left = Math.max(0, xOfOrdinal(view, device, region.from));
  const right = Math.min(device.width, xOfOrdinal(view, device, region.to));
  const top = Math.max(0, yOfRank(view, device, region.high));
  const bottom = Math.min(device.height, yOfRank(view, device, region.low));
  context.save();
  context.beginPath();
  context.rect(left, top, right - left, bottom - top);
  context.clip();
  context.strokeStyle = MAP_DAMAGED[theme];
  context.lineWidth = 2;
  context.beginPath();
  for (let x = left - (bottom - top); x < right; x += 12) {
    context.moveTo(x, bottom);
    context.lineTo(x + (bottom - top), top);
  }
  context.stroke();
  context.restore();
}
