// SPDX-License-Identifier: Apache-2.0
// The map on its canvases: draws once a frame what changed, and asks for tiles. Owns no state of the page; reads it.

import { effect, type Signal, signal } from '@preact/signals';
import { AddressBook } from './address-book.ts';
import { GUTTER_WIDTH, paintGutter, paintTimeAxis, TIME_AXIS_HEIGHT } from './axis-painter.ts';
import { fitCanvas } from './canvas-size.ts';
import { canvasColours } from './colours.ts';
import { icountAt, nameAxisIcount } from './icounts.ts';
import { type CellSums, type CellUnder, cellUnder, sumCells } from './map-cells.ts';
import { type PaintedMap, paintMap } from './map-painter.ts';
import { nearAccesses, nearRows } from './near-accesses.ts';
import { paintOverlay } from './overlay-painter.ts';
import * as page from './page-state.ts';
import { reportProblem } from './problems.ts';
import { TileStore } from './tile-store.ts';
import { tracks } from './track-data.ts';
import type { Frame } from './view.ts';

export interface MapCanvases {
  readonly map: HTMLCanvasElement;
  readonly overlay: HTMLCanvasElement;
  readonly gutter: HTMLCanvasElement;
  readonly timeAxis: HTMLCanvasElement;
}

/** What the map shows at the moment, for the legend and the status line. */
export const painted: Signal<PaintedMap | null> = signal(null);

const ASK_MS = 60;

export class MapScene {
  readonly #canvases: MapCanvases;
  readonly #store: TileStore;
  readonly #book: AddressBook;
  readonly #stops: (() => void)[] = [];
  #isMapStale = true;
  #isAxisStale = true;
  #isOverlayStale = true;
  #frame = 0;
  #asked = Number.NEGATIVE_INFINITY;
  #askTimer = 0;

  constructor(canvases: MapCanvases) {
    this.#canvases = canvases;
    this.#store = new TileStore(() => this.#markMap(), reportProblem);
    this.#book = new AddressBook(() => this.#markAxis(), reportProblem);
    this.#stops.push(
      effect(() => {
        void [page.view.value, page.theme.value, page.extent.value, page.isReady.value];
        void page.mapFrame.value;
        this.#markMap();
        this.#markAxis();
      }),
      effect(() => {
        void [page.view.value, page.selected.value, page.access.value, page.target.value];
        void [page.pointed.value, page.brushing.value, page.theme.value, page.mapFrame.value];
        void nearAccesses.value;
        this.#isOverlayStale = true;
        this.#schedule();
      }),
      effect(() => {
        void [tracks.value, nearRows.value];
        this.#markAxis();
      }),
    );
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#askTimer);
    for (const stop of this.#stops) stop();
  }

  /** After the server came back, or when a closed problem may be over. */
  retry(): void {
    this.#store.retry();
    this.#book.retry();
    this.#markMap();
    this.#markAxis();
  }

  /** Counts of the cell at a place of the map, of its tile as it is drawn. */
  cellAt(ordinal: number, rank: number): CellUnder | undefined {
    const now = painted.peek();
    return now === null ? undefined : cellUnder(this.#store, now.visible, ordinal, rank);
  }

  /** Of all that is in view; undefined until all of it is here. */
  sums(): CellSums | undefined {
    const now = painted.peek();
    return now?.isWhole === true ? sumCells(this.#store, now.visible, page.view.peek()) : undefined;
  }

  #markMap(): void {
    this.#isMapStale = true;
    this.#schedule();
  }

  #markAxis(): void {
    this.#isAxisStale = true;
    this.#schedule();
  }

  #schedule(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    const frame = page.mapFrame.peek();
    const view = page.view.peek();
    const extent = page.extent.peek();
    if (frame.width < 2 || frame.height < 2 || extent.accesses === 0 || extent.pages === 0) return;
    if (this.#isMapStale) this.#drawMap(frame);
    if (this.#isAxisStale) {
      this.#isAxisStale = false;
      const colours = canvasColours.peek();
      const { gutter, timeAxis } = this.#canvases;
      const bands = page.spaceInfo.peek()?.bands ?? [];
      const side = fitCanvas(gutter, { ...frame, width: GUTTER_WIDTH }, devicePixelRatio);
      paintGutter(side, view, frame, extent, bands, this.#book, colours);
      const axisFrame = { width: GUTTER_WIDTH + frame.width, height: TIME_AXIS_HEIGHT };
      const axis = fitCanvas(timeAxis, axisFrame, devicePixelRatio);
      const icountName = nameAxisIcount(page.streamInfo.peek()?.vcpus ?? []);
      paintTimeAxis(axis, view, frame, icountAt, icountName, colours);
    }
    if (this.#isOverlayStale) {
      this.#isOverlayStale = false;
      const context = fitCanvas(this.#canvases.overlay, frame, devicePixelRatio);
      const overlay = {
        selected: page.selected.peek(),
        brushing: page.brushing.peek(),
        access: page.access.peek(),
        target: page.target.peek(),
        pointed: page.pointed.peek(),
        near: nearAccesses.peek(),
        edges: (page.spaceInfo.peek()?.bands ?? []).slice(1).map(({ first }) => first),
      };
      paintOverlay(context, view, frame, overlay, canvasColours.peek());
    }
  }

  #drawMap(frame: Frame): void {
    this.#isMapStale = false;
    const view = page.view.peek();
    const extent = page.extent.peek();
    const context = fitCanvas(this.#canvases.map, frame, devicePixelRatio, true);
    const theme = page.theme.peek();
    const damaged = page.trace.peek()?.damaged ?? [];
    const result = paintMap(
      context,
      this.#store,
      view,
      frame,
      devicePixelRatio,
      extent,
      theme,
      damaged,
    );
    painted.value = result;
    if (page.isReady.peek()) this.#ask();
  }

  /** At most every ASK_MS while the view moves: what is passed by is not asked for. */
  #ask(): void {
    clearTimeout(this.#askTimer);
    const wait = this.#asked + ASK_MS - performance.now();
    if (wait > 0) {
      this.#askTimer = window.setTimeout(() => this.#ask(), wait);
      return;
    }
    this.#asked = performance.now();
    const visible = painted.peek()?.visible ?? [];
    this.#store.want(visible, page.view.peek(), page.extent.peek());
  }
}
