// SPDX-License-Identifier: Apache-2.0
// What part of the trace the map shows, and how a view becomes another one by panning and zooming. Pure.

import type { Space } from '../server/protocol.ts';

/** How loads and stores are coloured: as one, by hue, or one of them alone. */
export type ColourMode = 'sum' | 'split' | 'loads' | 'stores';
export const COLOUR_MODES: readonly ColourMode[] = ['sum', 'split', 'loads', 'stores'];

/** Half-open stretches of ordinals and of ranks; both may be broken numbers while they move. */
export interface Region {
  readonly from: number;
  readonly to: number;
  readonly low: number;
  readonly high: number;
}

export interface View extends Region {
  readonly space: Space;
  readonly stream: number;
  readonly colours: ColourMode;
}

export interface Place {
  readonly ordinal: number;
  /** Null: over the tracks or the axis of time. */
  readonly rank: number | null;
}

/** All that there is: accesses of the stream and pages of the space. */
export interface Extent {
  readonly accesses: number;
  readonly pages: number;
}

/** The closest look: two accesses, sixteen bytes. */
export const LEAST_TIME = 2;
export const LEAST_RANKS: number = 16 / 4096;

export function wholeRegion({ accesses, pages }: Extent): Region {
  return { from: 0, to: Math.max(LEAST_TIME, accesses), low: 0, high: Math.max(1, pages) };
}

/** The nearest region that lies within the extent and is not narrower than the closest look. */
export function clampRegion(region: Region, extent: Extent): Region {
  const [from, to] = clampSpan(
    region.from,
    region.to,
    LEAST_TIME,
    Math.max(LEAST_TIME, extent.accesses),
  );
  const [low, high] = clampSpan(region.low, region.high, LEAST_RANKS, Math.max(1, extent.pages));
  return { from, to, low, high };
}

function clampSpan(begin: number, end: number, least: number, most: number): [number, number] {
  const span = Math.min(most, Math.max(least, end - begin));
  const middle = (begin + end) / 2;
  const wanted = span === end - begin ? begin : middle - span / 2;
  const first = Math.min(Math.max(0, wanted), most - span);
  return [first, Math.min(most, first + span)];
}

/** What is at the same part of another region: where a pointer that did not move is after the view did. */
export function samePart(place: Place, before: Region, after: Region): Place {
  const along = (at: number, a: number, b: number, begin: number, end: number): number =>
    begin + ((at - a) / (b - a)) * (end - begin);
  return {
    ordinal: along(place.ordinal, before.from, before.to, after.from, after.to),
    rank:
      place.rank === null
        ? null
        : along(place.rank, before.low, before.high, after.low, after.high),
  };
}

/** Moved by parts of its own width (to the right) and height (up). */
export function panRegion(region: Region, right: number, up: number): Region {
  const time = (region.to - region.from) * right;
  const ranks = (region.high - region.low) * up;
  return {
    from: region.from + time,
    to: region.to + time,
    low: region.low + ranks,
    high: region.high + ranks,
  };
}

/**
 * Made narrower (factor below 1) or wider around a point that stays where it is: `atTime` and `atRank` are parts of the
 * width from the left and of the height from below. The closest look does not move when it is zoomed further.
 */
export function zoomRegion(
  region: Region,
  factorTime: number,
  factorRanks: number,
  atTime = 0.5,
  atRank = 0.5,
): Region {
  const [from, to] = zoomSpan(region.from, region.to, factorTime, atTime, LEAST_TIME);
  const [low, high] = zoomSpan(region.low, region.high, factorRanks, atRank, LEAST_RANKS);
  return { from, to, low, high };
}

function zoomSpan(
  begin: number,
  end: number,
  factor: number,
  at: number,
  least: number,
): [number, number] {
  const span = Math.max(least, (end - begin) * factor);
  const fixed = begin + (end - begin) * at;
  return [fixed - span * at, fixed + span * (1 - at)];
}

/** Moved by no more than is needed for the point to be well inside. */
export function regionAround(region: Region, ordinal: number, rank: number | null): Region {
  const time = moveInto(region.from, region.to, ordinal);
  const ranks = rank === null ? 0 : moveInto(region.low, region.high, rank);
  return {
    from: region.from + time,
    to: region.to + time,
    low: region.low + ranks,
    high: region.high + ranks,
  };
}

function moveInto(begin: number, end: number, at: number): number {
  const margin = (end - begin) * 0.08;
  if (at >= begin + margin && at <= end - margin) return 0;
  return at - (begin + end) / 2;
}

/** Between two regions, `part` of the way; zooming is even in the logarithm, so that it looks steady. */
export function betweenRegions(a: Region, b: Region, part: number): Region {
  const [from, to] = betweenSpans(a.from, a.to, b.from, b.to, part);
  const [low, high] = betweenSpans(a.low, a.high, b.low, b.high, part);
  return { from, to, low, high };
}

function betweenSpans(
  aBegin: number,
  aEnd: number,
  bBegin: number,
  bEnd: number,
  part: number,
): [number, number] {
  if (part <= 0) return [aBegin, aEnd];
  if (part >= 1) return [bBegin, bEnd];
  const a = aEnd - aBegin;
  const b = bEnd - bBegin;
  const span = a * (b / a) ** part;
  // How far the width has come is how far its edges have: the fixed point of the zoom stays fixed.
  const done = Math.abs(b - a) < 1e-9 * a ? part : (span - a) / (b - a);
  const begin = aBegin + (bBegin - aBegin) * done;
  return [begin, begin + span];
}

export function sameRegion(a: Region, b: Region): boolean {
  return a.from === b.from && a.to === b.to && a.low === b.low && a.high === b.high;
}

/** Where the map is on the screen, in CSS pixels from its own left upper corner. */
export interface Frame {
  readonly width: number;
  readonly height: number;
}

export function xOfOrdinal(region: Region, frame: Frame, ordinal: number): number {
  return ((ordinal - region.from) / (region.to - region.from)) * frame.width;
}

export function yOfRank(region: Region, frame: Frame, rank: number): number {
  return ((region.high - rank) / (region.high - region.low)) * frame.height;
}

export function ordinalOfX(region: Region, frame: Frame, x: number): number {
  return region.from + (x / frame.width) * (region.to - region.from);
}

export function rankOfY(region: Region, frame: Frame, y: number): number {
  return region.high - (y / frame.height) * (region.high - region.low);
}
