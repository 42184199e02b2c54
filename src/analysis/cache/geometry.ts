// SPDX-License-Identifier: Apache-2.0
// Shape of a cache: size, ways, line. What makes no sense is refused here, once, before anything is simulated.

import { formatBytes, TraceError } from '../../base/index.ts';

export interface CacheGeometry {
  readonly sizeBytes: number;
  readonly ways: number;
}

export const REPLACE_POLICIES = ['lru', 'fifo', 'random', 'plru'] as const;

/** plru is the binary tree of most hardware; random draws the same victims in every run. */
export type ReplacePolicy = (typeof REPLACE_POLICIES)[number];

const SMALLEST_LINE_BYTES = 16;
const LARGEST_LINE_BYTES = 4096;
/** 2^26 lines of 64 bytes are 4 GiB of cache and take 512 MB here. */
const LARGEST_LINE_COUNT = 2 ** 26;
/** The tree of a set is held in 31 bits. */
const LARGEST_PLRU_WAYS = 32;

/** log2 of the line size. Throws TraceError 'bad-argument'. */
export function requireLineShift(lineBytes: number): number {
  if (
    !isPowerOfTwo(lineBytes) ||
    lineBytes < SMALLEST_LINE_BYTES ||
    lineBytes > LARGEST_LINE_BYTES
  ) {
    throw new TraceError('bad-argument', 'the line size is not possible', {
      expected: `a power of two from ${SMALLEST_LINE_BYTES} to ${LARGEST_LINE_BYTES} bytes`,
      found: `${lineBytes}`,
      remedy: 'Most machines have lines of 64 bytes.',
    });
  }
  return Math.log2(lineBytes);
}

/**
 * Number of sets of a cache of entries of that size: lines of a cache, 1 for entries of a TLB. `name` is what
 * the message calls it. Throws TraceError 'bad-argument'.
 */
export function requireSets(
  name: string,
  { sizeBytes, ways }: CacheGeometry,
  lineBytes: number,
  policy: ReplacePolicy,
): number {
  const wrong = (message: string, expected: string, found: string, remedy: string): TraceError =>
    new TraceError('bad-argument', `${name}: ${message}`, { expected, found, remedy });
  const size = lineBytes === 1 ? `${sizeBytes} entries` : formatBytes(sizeBytes);
  const unit = lineBytes === 1 ? 'entries' : `lines of ${lineBytes} bytes`;
  if (!Number.isSafeInteger(ways) || ways < 1) {
    throw wrong(
      'its ways are not a number of ways',
      'at least 1',
      `${ways}`,
      'Give 8, for example.',
    );
  }
  const lineCount = sizeBytes / lineBytes;
  if (!Number.isSafeInteger(lineCount) || lineCount < 1 || lineCount > LARGEST_LINE_COUNT) {
    throw wrong(
      'its size is not possible',
      `a whole number of ${unit}, at most ${LARGEST_LINE_COUNT}`,
      size,
      lineBytes === 1 ? 'Give 32, for example.' : 'Choose a multiple of the line size.',
    );
  }
  if (lineCount % ways !== 0) {
    throw wrong(
      `${ways} ways do not divide it`,
      `ways that divide its ${lineCount} ${unit}`,
      `${ways}`,
      `${nearestDivisor(lineCount, ways)} ways would do, or a size that is a multiple of ${ways * lineBytes}.`,
    );
  }
  const sets = lineCount / ways;
  if (!isPowerOfTwo(sets)) {
    throw wrong(
      `${size} in ${ways} ways are ${sets} sets, and a set is chosen by bits of the address`,
      'a power of two of sets',
      `${sets}`,
      `Choose ways and size so that size / ways is a power of two times ${lineBytes}: ${2 ** Math.floor(Math.log2(sets)) * ways * lineBytes} in ${ways} ways, for example.`,
    );
  }
  if (policy === 'plru' && (!isPowerOfTwo(ways) || ways > LARGEST_PLRU_WAYS)) {
    throw wrong(
      'tree-PLRU has a binary tree over the ways',
      `a power of two of ways, at most ${LARGEST_PLRU_WAYS}`,
      `${ways}`,
      'Use lru, or another number of ways.',
    );
  }
  return sets;
}

function nearestDivisor(count: number, wanted: number): number {
  let best = 1;
  for (let ways = 1; ways <= Math.min(count, 2 * wanted); ways++) {
    if (count % ways === 0 && Math.abs(ways - wanted) <= Math.abs(best - wanted)) best = ways;
  }
  return best;
}

export function isPowerOfTwo(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && Number.isInteger(Math.log2(value));
}
