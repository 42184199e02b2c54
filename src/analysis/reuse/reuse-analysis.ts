// SPDX-License-Identifier: Apache-2.0
// Reuse distance: how many other lines were used since a line was used last; and the misses that fully associative LRU
// caches of any size would have, which follow from it. Every line's distance depends on all others, so that there
// is one shard; threads share the decoding.

import type { ShardedAnalysis } from '../analysis.ts';
import {
  type CountedLine,
  type DistanceCounts,
  harvestReuse,
  lowestOfBin,
  type ReuseCounts,
} from './reuse-counts.ts';
import type { ReuseParameters } from './reuse-parameters.ts';
import { consumeReuse, createReuseState, type ReuseState } from './reuse-state.ts';

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
    /**
     * Distances and caches of fewer lines are not told apart: a few of the sampled lines are as many, and whether the
     * hottest lines are among them is chance.
     */
    readonly leastLines: number;
  } | null;
  /** First uses, which have no distance: the number of lines. */
  readonly compulsory: number;
  /** Null when no line was used twice. */
  readonly distances: {
    readonly mean: number;
    readonly standardDeviation: number;
    /** Null: below sampling.leastLines. */
    readonly median: number | null;
    readonly max: number;
  } | null;
  /** Null: the threshold is below sampling.leastLines. */
  readonly distant: { readonly threshold: number; readonly references: number | null };
  /** When lines are sampled, the first bin has all distances below sampling.leastLines. */
  readonly histogram: readonly ReuseBin[];
  /**
   * For caches of 1, 2, 4 ... lines, with three sizes between, up to one that holds all. When lines are sampled, from
   * sampling.leastLines on.
   */
  readonly missRatioCurve: readonly MissRatio[];
  /** Of the lines that were looked at. */
  readonly topReferenced: readonly ReusedLine[];
  /** None where `distant` is not known. */
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
  /** Null as in ReuseResult. */
  readonly distant: number | null;
}

type ReuseAnalysis = ShardedAnalysis<ReuseParameters, ReuseState, ReuseResult, ReuseResult>;

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
    // The figures are made where the counts are, which take much memory.
    harvest: (state) => finishReuse(harvestReuse(state)),
    merge() {
      throw new Error('internal: reuse distances have one shard');
    },
    finish: (result) => result,
    shardLimit: () => 1,
    shardMasks() {
      throw new Error('internal: reuse distances have one shard');
    },
  };
}

/** Distances below it are bins of their own; above there are BINS_PER_OCTAVE for each power of two. */
const EXACT_BELOW = 16;
const BINS_PER_OCTAVE = 4;

/** A cache, or a distance, is estimated when so many of its lines, or more, would be sampled ones. */
const LEAST_SAMPLED_LINES = 4;

export function finishReuse(counts: ReuseCounts): ReuseResult {
  const { parameters, touches, rate, sampledTouches } = counts;
  const isSampled = parameters.sampling !== undefined;
  const scale = 1 / rate;
  // Of a sample that has all lines only the bins of large distances are coarser.
  const leastLines = rate < 1 ? Math.ceil(LEAST_SAMPLED_LINES * scale) : 1;
  const { distanceThreshold: threshold } = parameters;
  const isDistantKnown = threshold >= leastLines;
  const distances: Distances = isSampled
    ? scaledDistances(counts)
    : { ...counts.distances, lowest: (bin) => bin };
  const compulsory = counts.newLines * scale;
  return {
    accesses: counts.accesses,
    excluded: { device: counts.device, noAddress: counts.unaddressed },
    references: touches,
    sampling: isSampled ? { rate, references: sampledTouches, leastLines } : null,
    compulsory,
    distances: describe(distances, leastLines),
    distant: { threshold, references: isDistantKnown ? counts.distantUses * scale : null },
    histogram: binned(distances, leastLines),
    missRatioCurve: missRatios(distances, touches, parameters.lineBytes).filter(
      ({ lines }) => lines >= leastLines,
    ),
    topReferenced: linesOf(counts.topUsed, parameters.lineBytes, isDistantKnown),
    topDistant: isDistantKnown ? linesOf(counts.topDistant, parameters.lineBytes, true) : [],
  };
}

interface Distances extends DistanceCounts {
  /** Lowest distance of a bin. */
  readonly lowest: (bin: number) => number;
}

/** As of all lines. SHARDS-adj: what the sample lacks, or has too much, is taken to be uses of the hottest lines. */
function scaledDistances({ distances, touches, rate, sampledTouches }: ReuseCounts): Distances {
  const count = new Float64Array(distances.length);
  distances.forEach((bin, uses) => {
    count[bin] = uses / rate;
  });
  count[0] += touches - sampledTouches / rate;
  return {
    length: count.length,
    lowest: lowestOfBin,
    forEach(visit) {
      count.forEach((uses, bin) => {
        if (uses !== 0) visit(bin, uses);
      });
    },
  };
}

/** Middle of what element `bin` counts. */
function middleOf({ lowest }: Distances, bin: number): number {
  return (lowest(bin) + lowest(bin + 1) - 1) / 2;
}

function describe(distances: Distances, leastLines: number): ReuseResult['distances'] {
  let total = 0;
  let sum = 0;
  let max = -1;
  distances.forEach((bin, uses) => {
    total += uses;
    sum += uses * middleOf(distances, bin);
    max = bin;
  });
  if (max < 0 || total <= 0) return null;
  const mean = sum / total;
  let squares = 0;
  let before = 0;
  let median = -1;
  distances.forEach((bin, uses) => {
    squares += uses * (middleOf(distances, bin) - mean) ** 2;
    before += uses;
    if (median < 0 && before >= total / 2) median = distances.lowest(bin);
  });
  const standardDeviation = Math.sqrt(Math.max(0, squares) / total);
  const isCoarse = leastLines > 1 && median < leastLines;
  return {
    ...{ mean, standardDeviation, median: isCoarse ? null : median },
    max: distances.lowest(max),
  };
}

function binned(distances: Distances, leastLines: number): ReuseBin[] {
  const bins: { from: number; to: number; references: number }[] = [];
  const most = distances.lowest(distances.length);
  const edges = sizesUpTo(most, EXACT_BELOW).filter((edge) => edge === 0 || edge >= leastLines);
  let edge = 0;
  distances.forEach((bin, uses) => {
    const distance = distances.lowest(bin);
    while (edges[edge + 1] <= distance) edge++;
    const [from, to] = [edges[edge], edges[edge + 1]];
    const last = bins.at(-1);
    if (last?.from === from) last.references += uses;
    else bins.push({ from, to, references: uses });
  });
  return bins;
}

function missRatios(distances: Distances, touches: number, lineBytes: number): MissRatio[] {
  let last = 0;
  distances.forEach((bin) => {
    last = bin;
  });
  const sizes = sizesUpTo(distances.lowest(last + 1), 1).slice(1);
  const curve: MissRatio[] = [];
  let misses = touches;
  const endSizesUpTo = (distance: number): void => {
    for (let lines = sizes[curve.length]; lines <= distance; lines = sizes[curve.length]) {
      curve.push(missRatioOf(lines, misses));
    }
  };
  const missRatioOf = (lines: number, missed: number): MissRatio => ({
    lines,
    sizeBytes: lines * lineBytes,
    misses: missed,
    missRatio: touches === 0 ? 0 : missed / touches,
  });
  distances.forEach((bin, uses) => {
    endSizesUpTo(distances.lowest(bin));
    misses -= uses;
  });
  endSizesUpTo(Infinity);
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

function linesOf(
  lines: readonly CountedLine[],
  lineBytes: number,
  isDistantKnown: boolean,
): ReusedLine[] {
  return lines.map(({ lo, hi, uses, distant }) => {
    const low = lo * lineBytes;
    return {
      addressLo: low >>> 0,
      addressHi: (hi * lineBytes + Math.floor(low / 2 ** 32)) >>> 0,
      references: uses,
      distant: isDistantKnown ? distant : null,
    };
  });
}
