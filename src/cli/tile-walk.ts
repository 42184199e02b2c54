// SPDX-License-Identifier: Apache-2.0
// The tiles that somebody asks for who looks around: a walk of zooms, pans and leaps, the same for the same seed.

import { type Prng, prngFromSeed } from '../base/index.ts';

export interface WalkedTrace {
  /** Pages of each space that the trace has. */
  readonly pages: readonly { readonly space: string; readonly pageCount: number }[];
  readonly ordinalEnd: number;
}

export interface WalkedView {
  readonly space: string;
  /** Ordinals, half open. */
  readonly from: number;
  readonly to: number;
  /** Ranks, half open. */
  readonly low: number;
  readonly high: number;
}

/** Now and then everything is looked at anew, in any space. */
const LEAPS = 0.01;
const LEAST_ACCESSES = 64;
const LEAST_PAGES = 1 / 64;

export function walkTiles(
  { pages, ordinalEnd }: WalkedTrace,
  steps: number,
  seed: number,
): readonly WalkedView[] {
  const random = prngFromSeed(seed);
  const wholes = pages.map(
    ({ space, pageCount }): WalkedView => ({
      space,
      from: 0,
      to: ordinalEnd,
      low: 0,
      high: pageCount,
    }),
  );
  let [whole] = wholes;
  let view = whole;
  const walk: WalkedView[] = [];
  while (walk.length < steps && whole !== undefined && view !== undefined) {
    walk.push(view);
    if (random.nextBoolean(LEAPS)) {
      whole = wholes[random.nextInRange(0, wholes.length)];
      view = whole;
    } else {
      view = nextView(random, view, whole);
    }
  }
  return walk;
}

/** Half of the steps zoom in, a quarter out, the others pan; both axes by their own. */
function nextView(random: Prng, view: WalkedView, whole: WalkedView): WalkedView {
  const [from, to] = nextRange(random, view.from, view.to, whole.to, LEAST_ACCESSES);
  const [low, high] = nextRange(random, view.low, view.high, whole.high, LEAST_PAGES);
  const first = Math.floor(from);
  return { ...view, from: first, to: Math.max(first + 1, Math.ceil(to)), low, high };
}

function nextRange(
  random: Prng,
  begin: number,
  end: number,
  limit: number,
  least: number,
): [number, number] {
  const fraction = random.nextInRange(0, 1001) / 1000;
  const kind = random.nextInRange(0, 4);
  const length = end - begin;
  const factor = kind < 2 ? 0.5 : kind === 2 ? 2.5 : 1;
  const next = Math.min(limit, Math.max(least, length * factor));
  const shift = kind === 3 ? (fraction - 0.5) * length : (length - next) * fraction;
  const start = Math.min(limit - next, Math.max(0, begin + shift));
  return [start, start + next];
}
