// SPDX-License-Identifier: Apache-2.0
// Draws over the map what changes with the pointer and the selection, so that tiles need not be drawn again.

import { isOfMode, type NearAccess } from './near-accesses.ts';
import { type Frame, type Place, type Region, type View, xOfOrdinal, yOfRank } from './view.ts';
import type { Target } from './view-link.ts';

export interface OverlayColours {
  readonly ink: string;
  readonly accent: string;
  readonly line: string;
  /** Of the map, where nothing is. */
  readonly ground: string;
  readonly veil: string;
  readonly load: string;
  readonly loadInk: string;
  readonly store: string;
  readonly storeInk: string;
}

/** Of the ink of lines through the pointer, here and over the tracks. */
export const POINTER_ALPHA = 0.5;
/** At each side of a marker, so that it stands off whatever is under it. */
const CASING = 1;
/** Of marks at both sides of the map, where the target is. */
const TARGET_MARK = 12;

export interface Overlay {
  readonly selected: Region | null;
  readonly brushing: Region | null;
  readonly access: number | null;
  readonly target: Target | null;
  readonly pointed: Place | null;
  /** Ranks at which bands begin. */
  readonly edges: readonly number[];
  readonly near: readonly NearAccess[];
}

export function paintOverlay(
  context: CanvasRenderingContext2D,
  view: View,
  frame: Frame,
  overlay: Overlay,
  colours: OverlayColours,
): void {
  const { width, height } = frame;
  context.clearRect(0, 0, width, height);
  context.fillStyle = colours.line;
  for (const rank of overlay.edges) {
    const y = Math.round(yOfRank(view, frame, rank));
    if (y > 0 && y < height) context.fillRect(0, y, width, 1);
  }
  const { target, access, pointed } = overlay;
  if (target !== null && target.space === view.space) {
    const top = yOfRank(view, frame, target.rank + target.bytes / 4096);
    const bottom = yOfRank(view, frame, target.rank);
    context.fillStyle = colours.veil;
    context.fillRect(0, top, width, Math.max(1, bottom - top));
    const middle = Math.round((top + bottom) / 2) - 1;
    fillCased(context, 0, middle, TARGET_MARK, 2, colours);
    fillCased(context, width - TARGET_MARK, middle, TARGET_MARK, 2, colours);
  }
  drawNear(context, view, frame, overlay.near, colours);
  if (overlay.selected !== null) drawWindow(context, view, frame, overlay.selected, colours, []);
  if (overlay.brushing !== null) {
    drawWindow(context, view, frame, overlay.brushing, colours, [4, 3]);
  }
  if (access !== null) drawAccess(context, view, frame, access, target, colours);
  if (pointed !== null) {
    context.fillStyle = colours.ink;
    context.globalAlpha = POINTER_ALPHA;
    context.fillRect(Math.round(xOfOrdinal(view, frame, pointed.ordinal)), 0, 1, height);
    if (pointed.rank !== null) {
      context.fillRect(0, Math.round(yOfRank(view, frame, pointed.rank)), width, 1);
    }
    context.globalAlpha = 1;
  }
}

const LABEL_WIDTH = 74;
const LABEL_HEIGHT = 13;

/** Each access as wide as itself and as high as its bytes; with its instruction, where there is room. */
function drawNear(
  context: CanvasRenderingContext2D,
  view: View,
  frame: Frame,
  near: readonly NearAccess[],
  colours: OverlayColours,
): void {
  context.font = '10.5px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace';
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  for (const { row, rank } of near) {
    if (!isOfMode(view.colours, row)) continue;
    const left = xOfOrdinal(view, frame, row.ordinal);
    const right = xOfOrdinal(view, frame, row.ordinal + 1);
    const top = yOfRank(view, frame, rank + row.size / 4096);
    const bottom = yOfRank(view, frame, rank);
    if (right < 0 || left > frame.width || bottom < 0 || top > frame.height) continue;
    const gap = right - left > 6 && bottom - top > 6 ? 1 : 0;
    const height = Math.max(2, bottom - top);
    const width = Math.max(2, right - left);
    // Over the cells of its count, which are a byte high.
    context.fillStyle = colours.ground;
    context.fillRect(left - gap, top - gap, width + 2 * gap, height + 2 * gap);
    const isStore = row.kind === 'store';
    context.fillStyle = isStore ? colours.store : colours.load;
    context.fillRect(left, top, width - gap, height - gap);
    if (right - left < LABEL_WIDTH || height < LABEL_HEIGHT) continue;
    context.fillStyle = isStore ? colours.storeInk : colours.loadInk;
    context.fillText(row.disassembly ?? row.kind, left + 5, (top + bottom) / 2, right - left - 10);
  }
}

const LEAST_SIDE = 7;

function drawWindow(
  context: CanvasRenderingContext2D,
  view: View,
  frame: Frame,
  region: Region,
  colours: OverlayColours,
  dash: number[],
): void {
  const [left, right] = widened(
    xOfOrdinal(view, frame, region.from),
    xOfOrdinal(view, frame, region.to),
  );
  const [top, bottom] = widened(
    yOfRank(view, frame, region.high),
    yOfRank(view, frame, region.low),
  );
  const x = Math.max(-2, left);
  const y = Math.max(-2, top);
  const w = Math.min(frame.width + 2, right) - x;
  const h = Math.min(frame.height + 2, bottom) - y;
  if (w <= 0 || h <= 0) return;
  context.fillStyle = colours.veil;
  context.fillRect(x, y, w, h);
  const edges = [Math.round(x) + 0.5, Math.round(y) + 0.5, Math.round(w), Math.round(h)] as const;
  strokeCased(context, edges, 1.5, dash, colours);
}

type Rectangle = readonly [left: number, top: number, width: number, height: number];

function strokeCased(
  context: CanvasRenderingContext2D,
  edges: Rectangle,
  lineWidth: number,
  dash: number[],
  { accent, ground }: OverlayColours,
): void {
  context.strokeStyle = ground;
  context.lineWidth = lineWidth + 2 * CASING;
  context.strokeRect(...edges);
  context.setLineDash(dash);
  context.strokeStyle = accent;
  context.lineWidth = lineWidth;
  context.strokeRect(...edges);
  context.setLineDash([]);
}

function fillCased(
  context: CanvasRenderingContext2D,
  left: number,
  top: number,
  width: number,
  height: number,
  { accent, ground }: OverlayColours,
): void {
  context.fillStyle = ground;
  context.fillRect(left - CASING, top - CASING, width + 2 * CASING, height + 2 * CASING);
  context.fillStyle = accent;
  context.fillRect(left, top, width, height);
}

/** A window is to be seen however small it is. */
function widened(begin: number, end: number): [number, number] {
  const missing = Math.max(0, LEAST_SIDE - (end - begin)) / 2;
  return [begin - missing, end + missing];
}

function drawAccess(
  context: CanvasRenderingContext2D,
  view: View,
  frame: Frame,
  ordinal: number,
  target: Target | null,
  colours: OverlayColours,
): void {
  const left = xOfOrdinal(view, frame, ordinal);
  const right = xOfOrdinal(view, frame, ordinal + 1);
  const line = (from: number, to: number): void => {
    const middle = Math.round((left + right) / 2 - 0.75);
    if (to > from) fillCased(context, middle, from, 1.5, to - from, colours);
  };
  if (target === null || target.space !== view.space) {
    line(0, frame.height);
    return;
  }
  const top = yOfRank(view, frame, target.rank + target.bytes / 4096);
  const bottom = yOfRank(view, frame, target.rank);
  const [x0, x1] = widened(left, right);
  const [y0, y1] = widened(top, bottom);
  // Not through the access itself.
  line(0, y0);
  line(y1, frame.height);
  strokeCased(context, [x0, y0, x1 - x0, y1 - y0], 2, [], colours);
}
