// SPDX-License-Identifier: Apache-2.0
// Draws over the map what changes with the pointer and the selection, so that tiles need not be drawn again.

import { isOfMode, type NearAccess } from './near-accesses.ts';
import { type Frame, type Place, type Region, type View, xOfOrdinal, yOfRank } from './view.ts';
import type { Target } from './view-link.ts';

export interface OverlayColours {
  readonly ink: string;
  readonly accent: string;
  readonly line: string;
  readonly card: string;
  readonly veil: string;
  readonly load: string;
  readonly store: string;
}

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
  }
  drawNear(context, view, frame, overlay.near, colours);
  if (overlay.selected !== null) drawWindow(context, view, frame, overlay.selected, colours, []);
  if (overlay.brushing !== null) {
    drawWindow(context, view, frame, overlay.brushing, colours, [4, 3]);
  }
  if (access !== null) drawAccess(context, view, frame, access, target, colours);
  if (pointed !== null) {
    context.fillStyle = colours.ink;
    context.globalAlpha = 0.35;
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
    context.fillStyle = colours.card;
    context.fillRect(left - gap, top - gap, width + 2 * gap, height + 2 * gap);
    context.fillStyle = row.kind === 'store' ? colours.store : colours.load;
    context.fillRect(left, top, width - gap, height - gap);
    if (right - left < LABEL_WIDTH || height < LABEL_HEIGHT) continue;
    context.fillStyle = colours.card;
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
  context.setLineDash(dash);
  context.strokeStyle = colours.accent;
  context.lineWidth = 1.5;
  context.strokeRect(Math.round(x) + 0.5, Math.round(y) + 0.5, Math.round(w), Math.round(h));
  context.setLineDash([]);
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
  context.fillStyle = colours.accent;
  context.globalAlpha = 0.8;
  context.fillRect(Math.round((left + right) / 2 - 0.75), 0, 1.5, frame.height);
  context.globalAlpha = 1;
  if (target === null || target.space !== view.space) return;
  const top = yOfRank(view, frame, target.rank + target.bytes / 4096);
  const bottom = yOfRank(view, frame, target.rank);
  const [x0, x1] = widened(left, right);
  const [y0, y1] = widened(top, bottom);
  context.strokeStyle = colours.accent;
  context.lineWidth = 2;
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
}
