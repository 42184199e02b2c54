// SPDX-License-Identifier: Apache-2.0
// What the kernel of reuse distances has counted.

import { createTopList } from '../top-list.ts';
import { HASH_SPACE, type ReuseParameters } from './reuse-parameters.ts';
import type { ReuseState } from './reuse-state.ts';

/** What a state has counted. It looks into the kernel's memory, and is nothing any more once the state sees more. */
export interface ReuseCounts {
  readonly parameters: ReuseParameters;
  readonly accesses: number;
  readonly device: number;
  readonly unaddressed: number;
  /** Uses of lines, whether they were looked at or not. */
  readonly touches: number;
  /** Part of all lines that was looked at, in the end. What follows is of those, at that rate. */
  readonly rate: number;
  readonly sampledTouches: number;
  readonly newLines: number;
  readonly distantUses: number;
  readonly distances: DistanceCounts;
  readonly topUsed: readonly CountedLine[];
  readonly topDistant: readonly CountedLine[];
}

/** Uses by distance; by bin (lowestOfBin) when lines are sampled. */
export interface DistanceCounts {
  /** Bins. */
  readonly length: number;
  /** Those bins that there are uses of, in ascending order. */
  forEach(visit: (bin: number, uses: number) => void): void;
}

/** Number of the line in halves, and its uses. */
export interface CountedLine {
  readonly lo: number;
  readonly hi: number;
  readonly uses: number;
  readonly distant: number;
}

/** Bins of the kernel: exact below EXACT_BINS, then BINS_PER_OCTAVE for each power of two. */
const EXACT_BINS = 256;
const BINS_PER_OCTAVE = 128;
const OCTAVES = 56;
const SAMPLED_BINS = EXACT_BINS + OCTAVES * BINS_PER_OCTAVE;

/** Of a line in the kernel: its number in halves, a place, and both counts. */
const WORDS_OF_LINE = 4;
const COUNTS_AT = 3;

export function harvestReuse(state: ReuseState): ReuseCounts {
  const { kernel, parameters, accesses } = state;
  const distances = distancesOf(state);
  const newLines = kernel.newTotal();
  let again = 0;
  distances.forEach((_bin, uses) => {
    again += uses;
  });
  return {
    ...{ parameters, accesses, newLines, distances },
    device: kernel.deviceTotal(),
    unaddressed: kernel.unaddressedTotal(),
    touches: kernel.touchTotal(),
    rate: kernel.thresholdNow() / HASH_SPACE,
    sampledTouches: newLines + again,
    distantUses: kernel.distantTotal(),
    ...topLines(state),
  };
}

/** Lowest distance of a bin of sampled lines. */
export function lowestOfBin(bin: number): number {
  if (bin < EXACT_BINS) return bin;
  const octave = Math.floor((bin - EXACT_BINS) / BINS_PER_OCTAVE);
  return (BINS_PER_OCTAVE + (bin % BINS_PER_OCTAVE)) * 2 ** (octave + 1);
}

function distancesOf({ kernel, carried, parameters }: ReuseState): DistanceCounts {
  const { buffer } = kernel.memory;
  const repeats = kernel.repeatTotal();
  if (parameters.sampling !== undefined) {
    const bins = new Float64Array(buffer, kernel.histogramAt(), SAMPLED_BINS);
    return {
      length: bins.length,
      forEach: (visit) => {
        bins.forEach((count, bin) => {
          const uses = bin === 0 ? count + repeats : count;
          if (uses !== 0) visit(bin, uses);
        });
      },
    };
  }
  const bins = new Uint16Array(buffer, kernel.histogramAt(), kernel.lineTotal() + 1);
  const large = new Map(carried.byDistance);
  large.set(0, (large.get(0) ?? 0) + repeats);
  const inOrder = [...large].sort(([a], [b]) => a - b);
  return {
    length: bins.length,
    forEach: (visit) => {
      let next = 0;
      for (let bin = 0; bin < bins.length; bin++) {
        let uses = bins[bin];
        if (inOrder[next]?.[0] === bin) uses += inOrder[next++][1];
        if (uses !== 0) visit(bin, uses);
      }
    },
  };
}

function topLines({
  kernel,
  carried,
  parameters,
}: ReuseState): Pick<ReuseCounts, 'topUsed' | 'topDistant'> {
  const words = new Uint32Array(
    kernel.memory.buffer,
    kernel.linesAt(),
    WORDS_OF_LINE * kernel.lineTotal(),
  );
  const byAddress = (a: CountedLine, b: CountedLine): number => a.hi - b.hi || a.lo - b.lo;
  const mostUsed = createTopList<CountedLine>(
    parameters.reportTop,
    ({ uses }) => uses,
    (a, b) => b.distant - a.distant || byAddress(a, b),
  );
  const mostDistant = createTopList<CountedLine>(
    parameters.reportTop,
    ({ distant }) => distant,
    (a, b) => b.uses - a.uses || byAddress(a, b),
  );
  // Lines that the sample has lost meanwhile have no number.
  const large = [...carried.byLine]
    .map(([line, counts]) => ({ at: WORDS_OF_LINE * kernel.numberOf(line), ...counts }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at);
  let next = 0;
  for (let at = 0; at < words.length; at += WORDS_OF_LINE) {
    let uses = words[at + COUNTS_AT] & 0xffff;
    let distant = words[at + COUNTS_AT] >>> 16;
    if (large[next]?.at === at) {
      uses += large[next].uses;
      distant += large[next++].distant;
    }
    const isUsed = uses >= mostUsed.least();
    const isDistant = distant > 0 && distant >= mostDistant.least();
    if (!isUsed && !isDistant) continue;
    const line = { lo: words[at], hi: words[at + 1], uses, distant };
    if (isUsed) mostUsed.offer(line);
    if (isDistant) mostDistant.offer(line);
  }
  return { topUsed: mostUsed.take(), topDistant: mostDistant.take() };
}
