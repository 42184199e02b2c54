// SPDX-License-Identifier: Apache-2.0
// Where the names of bands stand beside the map, so that none covers another. Pure.

import type { Band } from '../server/protocol.ts';
import { type Frame, type Region, yOfRank } from './view.ts';

export interface PlacedBand {
  readonly band: Band;
  readonly index: number;
  /** Visible part, from above, in pixels. */
  readonly top: number;
  readonly bottom: number;
  /** Middle of the name; null: no room for it. */
  readonly label: number | null;
}

/** Bands that are in view, from the lowest. The larger ones get their names first. */
export function placeBands(
  bands: readonly Band[],
  region: Region,
  frame: Frame,
  labelHeight: number,
): PlacedBand[] {
  const visible = bands
    .map((band, index) => ({
      band,
      index,
      top: Math.max(0, yOfRank(region, frame, band.end)),
      bottom: Math.min(frame.height, yOfRank(region, frame, band.first)),
    }))
    .filter(({ top, bottom }) => bottom > top);
  const labels = new Map<number, number>();
  for (const { index, top, bottom } of [...visible].sort(
    (a, b) => b.bottom - b.top - (a.bottom - a.top),
  )) {
    const half = labelHeight / 2;
    const at = findRoom((top + bottom) / 2, half, frame.height - half, labelHeight, [
      ...labels.values(),
    ]);
    // A name that stands far from its band would belong to another one.
    if (at !== undefined && at >= top - labelHeight && at <= bottom + labelHeight) {
      labels.set(index, at);
    }
  }
  return visible.map((place) => ({ ...place, label: labels.get(place.index) ?? null }));
}

/** The place nearest to `wanted` in [least, most] that keeps `gap` from all that are taken. */
function findRoom(
  wanted: number,
  least: number,
  most: number,
  gap: number,
  taken: readonly number[],
): number | undefined {
  const candidates = [wanted, ...taken.flatMap((at) => [at - gap, at + gap])]
    .map((at) => Math.min(most, Math.max(least, at)))
    .filter((at) => taken.every((other) => Math.abs(at - other) >= gap - 1e-6));
  return candidates.sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted))[0];
}
