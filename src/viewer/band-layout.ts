// SPDX-License-Identifier: Apache-2.0
// Which band a place is in, and where the names of bands stand beside the map, so that none covers another: in as many
// lines as a band has room for. Pure.

import type { Band } from '../server/protocol.ts';
import { type Frame, type Region, yOfRank } from './view.ts';

/** A name in at most so many lines, each as short as there is room for. */
export type LineBreaker = (name: string, mostLines: number) => readonly string[];

export interface BandLabel {
  readonly lines: readonly string[];
  /** Middle of them all. */
  readonly middle: number;
}

export interface PlacedBand {
  readonly band: Band;
  readonly index: number;
  /** Visible part, from above, in pixels. */
  readonly top: number;
  readonly bottom: number;
  /** Null: no room for it. */
  readonly label: BandLabel | null;
}

/** The band that a place is in. */
export function findBand(bands: readonly Band[], rank: number): Band | undefined {
  return bands.find(({ first, end }) => rank >= first && rank < end);
}

/** Bands that are in view, from the lowest. The larger ones get their names first. */
export function placeBands(
  bands: readonly Band[],
  region: Region,
  frame: Frame,
  lineHeight: number,
  linesOf: LineBreaker,
): PlacedBand[] {
  const visible = bands
    .map((band, index) => ({
      band,
      index,
      top: Math.max(0, yOfRank(region, frame, band.end)),
      bottom: Math.min(frame.height, yOfRank(region, frame, band.first)),
    }))
    .filter(({ top, bottom }) => bottom > top);
  const labels = new Map<number, BandLabel>();
  for (const { band, index, top, bottom } of [...visible].sort(
    (a, b) => b.bottom - b.top - (a.bottom - a.top),
  )) {
    const lines = linesOf(band.name, Math.max(1, Math.floor((bottom - top) / lineHeight)));
    const half = (lines.length * lineHeight) / 2;
    const taken = [...labels.values()].map((label) => ({
      middle: label.middle,
      gap: half + (label.lines.length * lineHeight) / 2,
    }));
    const middle = findRoom((top + bottom) / 2, half, frame.height - half, taken);
    // A name that stands far from its band would belong to another one.
    if (middle !== undefined && middle >= top - lineHeight && middle <= bottom + lineHeight) {
      labels.set(index, { lines, middle });
    }
  }
  return visible.map((place) => ({ ...place, label: labels.get(place.index) ?? null }));
}

/** The place nearest to `wanted` in [least, most] that keeps its gap from each that is taken. */
function findRoom(
  wanted: number,
  least: number,
  most: number,
  taken: readonly { readonly middle: number; readonly gap: number }[],
): number | undefined {
  const candidates = [wanted, ...taken.flatMap(({ middle, gap }) => [middle - gap, middle + gap])]
    .map((at) => Math.min(most, Math.max(least, at)))
    .filter((at) => taken.every(({ middle, gap }) => Math.abs(at - middle) >= gap - 1e-6));
  return candidates.sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted))[0];
}

/** Broken between words. What does not fit in the last line, or a word in any, is cut, with "…". */
export function breakName(
  name: string,
  mostLines: number,
  width: number,
  widthOf: (text: string) => number,
): string[] {
  const lines: string[] = [];
  for (const word of name.split(' ')) {
    const last = lines.at(-1);
    const longer = last === undefined ? word : `${last} ${word}`;
    const isNext = widthOf(longer) > width && lines.length < mostLines;
    if (last === undefined || isNext) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.map((line) => cutTo(line, width, widthOf));
}

function cutTo(line: string, width: number, widthOf: (text: string) => number): string {
  if (widthOf(line) <= width) return line;
  let length = line.length - 1;
  while (length > 0 && widthOf(`${line.slice(0, length)}…`) > width) length--;
  return `${line.slice(0, length).replace(/[ ,]+$/, '')}…`;
}
