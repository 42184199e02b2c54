// SPDX-License-Identifier: Apache-2.0
// Draws what stands around the map: bands and addresses at its left, time below it.

import type { Band } from '../server/protocol.ts';
import type { AddressBook } from './address-book.ts';
import { breakName, placeBands } from './band-layout.ts';
import { formatIcount, type Icount } from './icounts.ts';
import { binaryStep, decimalStep, formatAddress, formatTick, ticksBetween } from './ticks.ts';
import { type Extent, type Frame, type View, xOfOrdinal, yOfRank } from './view.ts';

export interface AxisColours {
  readonly ink: string;
  readonly soft: string;
  readonly line: string;
  /** Of bands, in turn. */
  readonly series: readonly string[];
}

/** As --gutter and --time-axis in style.css. */
export const GUTTER_WIDTH = 208;
export const TIME_AXIS_HEIGHT = 34;
const SANS = '11.5px system-ui, sans-serif';
const MONO = '10.5px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace';
const STRIP_WIDTH = 5;
const LABEL_HEIGHT = 15;
const ADDRESS_GAP = 34;
const TICK = 4;
/** Addresses begin behind it. */
const BAND_NAME_WIDTH = 80;
/** Letters may be drawn so much narrower rather than broken or cut. */
const LEAST_NARROW = 0.9;

/** The context's unit is a CSS pixel; the map is at the right of the gutter and as high. */
export function paintGutter(
  context: CanvasRenderingContext2D,
  view: View,
  frame: Frame,
  extent: Extent,
  bands: readonly Band[],
  book: AddressBook,
  colours: AxisColours,
): void {
  context.clearRect(0, 0, GUTTER_WIDTH, frame.height);
  context.textBaseline = 'middle';
  context.font = SANS;
  const widthOf = (text: string): number => LEAST_NARROW * context.measureText(text).width;
  const placed = placeBands(bands, view, frame, LABEL_HEIGHT, (name, mostLines) =>
    breakName(name, mostLines, BAND_NAME_WIDTH, widthOf),
  );
  context.textAlign = 'left';
  for (const { index, top, bottom, label } of placed) {
    context.fillStyle = bandColour(colours, index);
    context.fillRect(0, top, STRIP_WIDTH, Math.max(1, bottom - top - (bottom - top > 4 ? 1 : 0)));
    if (label === null) continue;
    context.fillStyle = colours.ink;
    const first = label.middle - ((label.lines.length - 1) * LABEL_HEIGHT) / 2;
    label.lines.forEach((line, i) => {
      context.fillText(line, STRIP_WIDTH + 6, first + i * LABEL_HEIGHT, BAND_NAME_WIDTH);
    });
  }
  const span = view.high - view.low;
  const step = binaryStep(span, frame.height / ADDRESS_GAP, 1 / 4096);
  context.font = MONO;
  context.textAlign = 'right';
  for (const rank of ticksBetween(view.low, Math.min(view.high, extent.pages), step)) {
    if (rank >= extent.pages) continue;
    const y = yOfRank(view, frame, rank);
    context.fillStyle = colours.line;
    context.fillRect(GUTTER_WIDTH - TICK, Math.round(y), TICK, 1);
    const address = book.find(view.space, rank, step, extent.pages);
    if (address === undefined || y < 7 || y > frame.height - 6) continue;
    context.fillStyle = colours.soft;
    context.fillText(formatAddress(address).replace(/^0x(?=.{9})/, ''), GUTTER_WIDTH - TICK - 4, y);
  }
}

function bandColour({ series }: AxisColours, index: number): string {
  return series[index % series.length] ?? 'grey';
}

/** Ordinals and, in a second line, the icount of a vCPU where it is known; `icountName` says of which. */
export function paintTimeAxis(
  context: CanvasRenderingContext2D,
  view: View,
  frame: Frame,
  icountAt: (ordinal: number) => Icount | null,
  icountName: string,
  colours: AxisColours,
): void {
  const { width } = frame;
  context.clearRect(0, 0, GUTTER_WIDTH + width, TIME_AXIS_HEIGHT);
  context.textBaseline = 'alphabetic';
  context.font = SANS;
  context.textAlign = 'right';
  context.fillStyle = colours.soft;
  context.fillText('access', GUTTER_WIDTH - 8, 15);
  context.fillText(icountName, GUTTER_WIDTH - 8, 29);
  const step = decimalStep(view.to - view.from, width / 120, 1);
  const formatCountAt = (count: number): string => formatTick(count, Math.max(1, step / 10));
  for (const ordinal of ticksBetween(view.from, view.to, step)) {
    const x = GUTTER_WIDTH + xOfOrdinal(view, frame, ordinal);
    context.fillStyle = colours.line;
    context.fillRect(Math.round(x), 0, 1, TICK);
    const text = formatTick(ordinal, step);
    const icount = icountAt(ordinal);
    const lower = icount === null ? '' : formatIcount(icount, formatCountAt);
    const longer = Math.max(context.measureText(text).width, context.measureText(lower).width);
    const half = longer / 2;
    context.textAlign = 'center';
    const at = Math.min(GUTTER_WIDTH + width - half, Math.max(GUTTER_WIDTH + half, x));
    context.fillStyle = colours.ink;
    context.fillText(text, at, 15);
    context.fillStyle = colours.soft;
    context.fillText(lower, at, 29);
  }
}
