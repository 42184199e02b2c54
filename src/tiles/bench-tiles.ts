// SPDX-License-Identifier: Apache-2.0
// How fast tiles are for somebody who looks around: a walk of zooms, pans and leaps, the same for the same seed.

import { type Prng, prngFromSeed } from '../base/index.ts';
import type { Space, TileQuery, ViewIndex } from './view-index.ts';

export interface TileBenchOptions {
  readonly stream: number;
  readonly ordinalEnd: number;
  readonly steps: number;
  readonly seed: number;
  readonly columns: number;
  readonly rows: number;
  readonly patienceMs?: number;
  /** A clock. */
  readonly nowMs: () => number;
  readonly signal?: AbortSignal;
}

export interface TileBenchmark {
  readonly tiles: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
  /** Tiles of single accesses. */
  readonly exact: number;
  /** Tiles that had to be asked for again to be exact. */
  readonly refining: number;
}

interface View {
  from: number;
  to: number;
  low: number;
  high: number;
}

export async function benchTiles(
  index: ViewIndex,
  options: TileBenchOptions,
): Promise<TileBenchmark> {
  const { steps, nowMs, signal } = options;
  const random = prngFromSeed(options.seed);
  const spaces = (['virtual', 'physical'] as const).filter((space) => index.pages[space] !== null);
  let space: Space = spaces[0] ?? 'virtual';
  let view = wholeView(index, space, options.ordinalEnd);
  const elapsed: number[] = [];
  let exact = 0;
  let refining = 0;
  for (let step = 0; step < steps; step++) {
    const beginMs = nowMs();
    const tile = await index.tile(tileQuery(options, space, view), signal);
    elapsed.push(nowMs() - beginMs);
    if (tile.timeStep === 1) exact++;
    if (tile.refining) refining++;
    if (random.nextBoolean(0.01)) {
      space = spaces[random.nextInRange(0, spaces.length)] ?? space;
      view = wholeView(index, space, options.ordinalEnd);
    } else {
      view = nextView(random, view, wholeView(index, space, options.ordinalEnd));
    }
  }
  elapsed.sort((a, b) => a - b);
  const at = (part: number): number => elapsed[Math.floor((elapsed.length - 1) * part)] ?? 0;
  return { tiles: steps, p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1), exact, refining };
}

function wholeView(index: ViewIndex, space: Space, ordinalEnd: number): View {
  return { from: 0, to: ordinalEnd, low: 0, high: index.pages[space]?.count ?? 1 };
}

function tileQuery(options: TileBenchOptions, space: Space, view: View): TileQuery {
  const { stream, columns, rows, patienceMs } = options;
  return {
    ...{ space, stream, columns, rows, ...view },
    ...(patienceMs === undefined ? {} : { patienceMs }),
  };
}

/** Half of the steps zoom in, a quarter out, the others pan; both axes by their own. */
function nextView(random: Prng, view: View, whole: View): View {
  const [from, to] = nextRange(random, view.from, view.to, whole.to, 64);
  const [low, high] = nextRange(random, view.low, view.high, whole.high, 1 / 64);
  const first = Math.floor(from);
  return { from: first, to: Math.max(first + 1, Math.ceil(to)), low, high };
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
