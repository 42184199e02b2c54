// SPDX-License-Identifier: Apache-2.0
// Tiles as they come, coloured once, and which to ask for next. What is drawn before they come is a coarser or
// finer tile that is here already.

import { api, type TileReply } from './api-client.ts';
import { createColourTable, encodeCells, scaleMaximum, type Theme } from './palette.ts';
import { TileCache } from './tile-cache.ts';
import { TILE_CELLS, type TilePlace, tileKey, tileRequest, tilesIn } from './tile-grid.ts';
import { TileQueue } from './tile-queue.ts';
import type { ColourMode, Extent, Region } from './view.ts';

const CACHE_BYTES = 96 << 20;
/** Browsers have six connections to a host; one stays free for questions. */
const AT_ONCE = 5;
/** Counts of a cell, its codes and its pixel. */
const CELL_BYTES = 8 + 2 + 4;
/** What is asked for ahead must not push out what is seen, which would be asked for again, and so on. */
const MOST_WANTED = Math.floor((0.9 * CACHE_BYTES) / (CELL_BYTES * TILE_CELLS ** 2));
const MOST_TABLES = 12;
/** How long a finer tile may take before it is asked for again. */
const REFINE_MS = 300;

export interface StoredTile {
  readonly place: TilePlace;
  readonly reply: TileReply;
  readonly codes: Uint16Array;
  readonly maximum: { readonly [M in ColourMode]: number };
  readonly image: OffscreenCanvas;
  /** Mode, maximum and theme that the image was coloured for. */
  coloured: string;
  /** When to ask again for a finer one; null: it is as fine as it gets. */
  readonly refineAt: number | null;
}

export interface Colouring {
  readonly mode: ColourMode;
  readonly maximum: number;
  readonly theme: Theme;
}

export class TileStore {
  readonly #cache = new TileCache<StoredTile>(CACHE_BYTES);
  readonly #tables = new TileCache<Uint32Array>(MOST_TABLES);
  readonly #queue: TileQueue<TilePlace>;
  #extent: Extent = { accesses: 0, pages: 0 };

  /** `changed` is called after a tile came, or failed. */
  constructor(changed: () => void, failed: (error: unknown) => void) {
    this.#queue = new TileQueue<TilePlace>(
      AT_ONCE,
      async (place, signal) => {
        const reply = await api.tile(place, tileRequest(place, this.#extent), signal);
        const tile = storeTile(place, reply);
        this.#cache.put(tileKey(place), tile, reply.loads.length * CELL_BYTES);
        changed();
        if (reply.isRefining) window.setTimeout(changed, REFINE_MS + 1);
      },
      (_place, error) => {
        failed(error);
        changed();
      },
    );
  }

  get busy(): boolean {
    return this.#queue.busy;
  }

  /** Asks for what is missing of these; then for what is beside and around them. */
  want(visible: readonly TilePlace[], region: Region, extent: Extent): void {
    this.#extent = extent;
    const [first] = visible;
    if (first === undefined) {
      this.#queue.want([]);
      return;
    }
    const { space, stream, time, bytes } = first;
    const beside = tilesIn(region, space, stream, { time, bytes }, extent, 1);
    const around = tilesIn(region, space, stream, { time: time + 2, bytes: bytes + 2 }, extent);
    // With nothing to show, a coarse tile or two of the whole view come first.
    const isBlank = ![...visible, ...around].some((place) => this.#cache.has(tileKey(place)));
    const ordered = isBlank
      ? [...around, ...visible, ...beside]
      : [...visible, ...around, ...beside];
    const inOrder = new Map(ordered.map((place) => [tileKey(place), place]));
    const wanted = [...inOrder]
      .slice(0, MOST_WANTED)
      .map(([key, place]) => ({ key, place }))
      .filter(({ key }) => this.#isMissing(key));
    this.#queue.want(wanted);
  }

  #isMissing(key: string): boolean {
    const tile = this.#cache.peek(key);
    if (tile === undefined) return true;
    return tile.refineAt !== null && tile.refineAt <= performance.now();
  }

  find(place: TilePlace): StoredTile | undefined {
    return this.#cache.use(tileKey(place));
  }

  isRefused(place: TilePlace): boolean {
    return this.#queue.isRefused(tileKey(place));
  }

  /** Asks again for what failed. */
  retry(): void {
    this.#queue.forget();
  }

  colour(tile: StoredTile, { mode, maximum, theme }: Colouring): void {
    const key = `${mode}/${maximum}/${theme}`;
    if (tile.coloured === key) return;
    let table = this.#tables.use(key);
    if (table === undefined) {
      table = createColourTable(mode, maximum, theme);
      this.#tables.put(key, table, 1);
    }
    paintTile(tile, table);
    tile.coloured = key;
  }
}

function storeTile(place: TilePlace, reply: TileReply): StoredTile {
  const { loads, stores } = reply;
  let mostLoads = 0;
  let mostStores = 0;
  for (let i = 0; i < loads.length; i++) {
    mostLoads = Math.max(mostLoads, loads[i] ?? 0);
    mostStores = Math.max(mostStores, stores[i] ?? 0);
  }
  return {
    place,
    reply,
    codes: encodeCells(loads, stores),
    maximum: { sum: reply.maximum, split: reply.maximum, loads: mostLoads, stores: mostStores },
    image: new OffscreenCanvas(TILE_CELLS, TILE_CELLS),
    refineAt: reply.isRefining ? performance.now() + REFINE_MS : null,
    coloured: '',
  };
}

/** The lowest row of cells is the lowest of the image. */
function paintTile({ reply, codes, image }: StoredTile, table: Uint32Array): void {
  const context = image.getContext('2d');
  if (context === null) return;
  const { columns, rows } = reply;
  const data = context.createImageData(columns, rows);
  const pixels = new Uint32Array(data.data.buffer);
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    const to = (rows - 1 - row) * columns;
    for (let column = 0; column < columns; column++) {
      const code = codes[from + column] ?? 0;
      if (code !== 0) pixels[to + column] = table[code] ?? 0;
    }
  }
  context.clearRect(0, 0, TILE_CELLS, TILE_CELLS);
  context.putImageData(data, 0, TILE_CELLS - rows);
}

/** End of the colour scale: of what is visible at the level of now. */
export function colourMaximum(tiles: readonly StoredTile[], mode: ColourMode): number {
  return scaleMaximum(tiles.reduce((most, tile) => Math.max(most, tile.maximum[mode]), 1));
}
