// SPDX-License-Identifier: Apache-2.0
import { TraceError } from '../../base/index.ts';
import { requireLineShift } from '../cache/geometry.ts';

export interface ReuseParameters {
  readonly lineBytes: number;
  /** A use is distant when more other lines than that were used since the line's last use. */
  readonly distanceThreshold: number;
  /** Lines of physical memory instead of virtual ones. */
  readonly usePhysical: boolean;
  /** Undefined: every line is looked at, and the distances are exact. */
  readonly sampling: ReuseSampling | undefined;
  /** Lines in the result's lists. */
  readonly reportTop: number;
}

/** SHARDS: lines are chosen by a hash of their number. */
export type ReuseSampling =
  /** Each line with this probability, above 0 and at most 1. */
  | { readonly kind: 'rate'; readonly rate: number }
  /** So many lines at most: the probability falls as more are seen. */
  | { readonly kind: 'size'; readonly lines: number };

/** Hashes of the kernel are below it: SPACE in kernel/reuse/measure.ts. */
export const HASH_SPACE: number = 2 ** 24;

const LEAST_SAMPLED = 64;

/** Lines that can be told apart: the kernel takes 23 to 28 bytes for each that is touched. */
export const LINE_LIMIT: number = 3 * 2 ** 23;

/** What the kernel is told. Throws TraceError 'bad-argument' for what makes no sense. */
export function requireReuseParameters({
  lineBytes,
  distanceThreshold,
  sampling,
}: ReuseParameters): { lineShift: number; threshold: number; sampleLimit: number; limit: number } {
  const lineShift = requireLineShift(lineBytes);
  if (
    !(Number.isInteger(distanceThreshold) && distanceThreshold >= 1 && distanceThreshold < 2 ** 31)
  ) {
    throw new TraceError('bad-argument', 'the threshold of distances is out of range', {
      expected: '1 to 2147483647 lines',
      found: String(distanceThreshold),
      remedy: 'Give the lines of a cache: 512 for one of 32 KiB.',
    });
  }
  if (sampling === undefined) {
    return { lineShift, threshold: HASH_SPACE, sampleLimit: 0, limit: LINE_LIMIT };
  }
  if (sampling.kind === 'size') {
    const { lines } = sampling;
    if (!(Number.isInteger(lines) && lines >= LEAST_SAMPLED && lines < LINE_LIMIT)) {
      throw new TraceError('bad-argument', 'the number of sampled lines is out of range', {
        expected: `${LEAST_SAMPLED} to ${LINE_LIMIT - 1}`,
        found: String(lines),
        remedy: 'Give 8192, for example.',
      });
    }
    return { lineShift, threshold: HASH_SPACE, sampleLimit: lines, limit: lines + 1 };
  }
  const threshold = Math.round(sampling.rate * HASH_SPACE);
  if (!(threshold >= 1 && threshold < HASH_SPACE)) {
    throw new TraceError('bad-argument', 'the sampling rate is out of range', {
      expected: 'above 0 and below 1, such as 0.01',
      found: String(sampling.rate),
      remedy: 'Give 0.01, for example; without sampling all lines are looked at.',
    });
  }
  return { lineShift, threshold, sampleLimit: 0, limit: LINE_LIMIT };
}
