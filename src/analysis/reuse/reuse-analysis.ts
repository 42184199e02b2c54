// SPDX-License-Identifier: Apache-2.0
// Reuse distance: how many other lines were used since a line was used last; and the misses that fully associative LRU
// caches of any size would have, which follow from it. Every line's distance depends on all others, so that there
// is one shard; threads share the decoding.

import type { ShardedAnalysis } from '../analysis.ts';
import type { ReuseParameters } from './reuse-parameters.ts';
import {
  consumeReuse,
  createReuseState,
  harvestReuse,
  lowestOfBin,
  type ReuseCounts,
  type ReuseState,
} from './reuse-state.ts';

/** Counts of uses and lines are estimates when lines are sampled, and then not whole numbers. */
export interface ReuseResult {
  readonly accesses: number;
  readonly excluded: { readonly device: number; readonly noAddress: number };
  /** Uses of lines: an access uses each line that it has a byte in. */
  readonly references: number;
  /** Null: every line was looked at, and all is exact. */
  readonly sampling: {
    /** Part of the lines that was looked at, in the end. */
    readonly rate: number;
    /** References to them, at that rate. */
    readonly references: number;
  } | null;
  /** First uses, which have no distance: the number of lines. */
  readonly compulsory: number;
  /** Null when no line was used twice. */
  readonly distances: {
    readonly mean: number;
    readonly standardDeviation: number;
    readonly median: number;
    readonly max: number;
  } | null;
  readonly distant: { readonly threshold: number; readonly references: number };
  readonly histogram: readonly ReuseBin[];
  /**
   * For caches of 1, 2, 4 ... lines, with three sizes between, up to one that holds all. When lines are sampled, not
   * for caches that a few of the sampled lines would fill: whether the hottest lines are in the sample is chance.
   */
  readonly missRatioCurve: readonly MissRatio[];
  /** Of the lines that were looked at. */
  readonly topReferenced: readonly ReusedLine[];
  readonly topDistant: readonly ReusedLine[];
}

/** Distances from `from` up to, and without, `to`. */
export interface ReuseBin {
  readonly from: number;
  readonly to: number;
  readonly references: number;
}

export interface MissRatio {
  readonly lines: number;
  readonly sizeBytes: number;
  readonly misses: number;
  readonly missRatio: number;
}

export interface ReusedLine {
  /** Of its first byte, in halves. */
  readonly addressLo: number;
  readonly addressHi: number;
  readonly references: number;
  readonly distant: number;
}

type ReuseAnalysis = ShardedAnalysis<ReuseParameters, ReuseState, ReuseResult, ReuseCounts>;

export function chooseReuseAnalysis({ usePhysical }: ReuseParameters): ReuseAnalysis {
  return usePhysical ? physicalReuseAnalysis : reuseAnalysis;
}

/** Virtual addresses. */
export const reuseAnalysis: ReuseAnalysis = reuseAnalysisOf('reuse', 'vaddr');

export const physicalReuseAnalysis: ReuseAnalysis = reuseAnalysisOf('reuse-physical', 'paddr');

function reuseAnalysisOf(name: string, address: 'vaddr' | 'paddr'): ReuseAnalysis {
  return {
    name,
    order: 'per-shard',
    columns: [address, 'size', 'flags'],
    requires: [address],
    init: createReuseState,
    consume: consumeReuse,
    harvest: harvestReuse,
    merge() {
      throw new Error('internal: reuse distances have one shard');
    },
    finish: finishReuse,
    shardLimit: () => 1,
    shardMasks() {
      throw new Error('internal: reuse distances have one shard');
    },
  };
}

/** Distances below it are bins of their own; above there are BINS_PER_OCTAVE for each power of two. */
const EXACT_BELOW = 16;
const BINS_PER_OCTAVE = 4;

/** A cache is estimated when so many of its lines, or more, would be sampled ones. */
const LEAST_SAMPLED_LINES = 4;

export function finishReuse(counts: ReuseCounts): ReuseResult {
  const { parameters, histogram, touches, rate, sampledTouches } = counts;
  const isSampled = parameters.sampling !== undefined;
  const scale = 1 / rate;
  const distances: Distances = {
    count: Float64Array.from(histogram, (count) => count * scale),
    lowest: isSampled ? lowestOfBin : (bin) => bin,
  };
  // SHARDS-adj: what the sample lacks, or has too much, is taken to be uses of the hottest lines.
  if (isSampled) distances.count[0] += touches - sampledTouches * scale;
  const compulsory = counts.newLines * scale;
  return {
    accesses: counts.accesses,
    excluded: { device: counts.device, noAddress: counts.unaddressed },
    references: touches,
    sampling: isSampled ? { rate, references: sampledTouches } : null,
    compulsory,
    distances: describe(distances),
    distant: {
      threshold: parameters.distanceThreshold,
      references: counts.distantUses * scale,
    },
    histogram: binned(distances),
    missRatioCurve: missRatios(distances, touches, parameters.lineBytes).filter(
      ({ lines }) => !isSampled || lines * rate >= LEAST_SAMPLED_LINES,
    ),
    topReferenced: linesOf(counts.topUsed, parameters.lineBytes),
    topDistant: linesOf(counts.topDistant, parameters.lineBytes),
  };
}

interface Distances {
  readonly count: Float64Array;
  /** Lowest distance that the element counts. */
  readonly lowest: (bin: number) => number;
}

/** Middle of what element `bin` counts. */
function middleOf({ lowest }: Distances, bin: number): number {
  return (lowest(bin) + lowest(bin + 1) - 1) / 2;
}

function describe(distances: Distances): ReuseResult['distances'] {
  const { count } = distances;
  let total = 0;
  let sum = 0;
  let max = -1;
  for (let bin = 0; bin < count.length; bin++) {
    if (count[bin] === 0) continue;
    total += count[bin];
    sum += count[bin] * middleOf(distances, bin);
    max = bin;
  }
  if (max < 0 || total <= 0) return null;
  const mean = sum / total;
  let squares = 0;
  let before = 0;
  let median = -1;
  for (let bin = 0; bin <= max; bin++) {
    if (count[bin] === 0) continue;
    squares += count[bin] * (middleOf(distances, bin) - mean) ** 2;
    before += count[bin];
    if (median < 0 && before >= total / 2) median = distances.lowest(bin);
  }
  const standardDeviation = Math.sqrt(Math.max(0, squares) / total);
  return { mean, standardDeviation, median, max: distances.lowest(max) };
}

function binned({ count, lowest }: Distances): ReuseBin[] {
  const bins: ReuseBin[] = [];
  const edges = sizesUpTo(lowest(count.length), EXACT_BELOW);
  let at = 0;
  for (let edge = 0; edge + 1 < edges.length && at < count.length; edge++) {
    let references = 0;
    const to = edges[edge + 1];
    for (; at < count.length && lowest(at) < to; at++) references += count[at];
    if (references !== 0) bins.push({ from: edges[edge], to, references });
  }
  return bins;
}

function missRatios({ count, lowest }: Distances, touches: number, lineBytes: number): MissRatio[] {
  let last = count.length - 1;
  while (last > 0 && count[last] === 0) last--;
  const curve: MissRatio[] = [];
  let misses = touches;
  let at = 0;
  for (const lines of sizesUpTo(lowest(last + 1), 1).slice(1)) {
    for (; at < count.length && lowest(at) < lines; at++) misses -= count[at];
    curve.push({
      lines,
      sizeBytes: lines * lineBytes,
      misses,
      missRatio: touches === 0 ? 0 : misses / touches,
    });
  }
  return curve;
}

/** 0, 1, 2 ... exact, then four for each power of two, to the first that is not below `most`. */
function sizesUpTo(most: number, exact: number): number[] {
  const sizes = [0];
  const least = Math.max(exact, BINS_PER_OCTAVE);
  for (let size = 1; ; ) {
    sizes.push(size);
    if (size >= most) return sizes;
    size += size < least ? 1 : 2 ** Math.floor(Math.log2(size)) / BINS_PER_OCTAVE;
  }
}

function linesOf(list: Float64Array, lineBytes: number): ReusedLine[] {
  return Array.from({ length: list.length / 4 }, (_, i) => {
    const [lo, hi, references, distant] = list.subarray(4 * i, 4 * i + 4);
    const low = lo * lineBytes;
    return {
      addressLo: low >>> 0,
      addressHi: (hi * lineBytes + Math.floor(low / 2 ** 32)) >>> 0,
      references,
      distant,
    };
  });
}
