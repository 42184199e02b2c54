// SPDX-License-Identifier: Apache-2.0
// Peak memory is looked up now and then: of a process that ended before the first look it is not known, and
// capture tells that as 0. Results say null.

export function knownBytes(peakBytes: number): number | null {
  return peakBytes === 0 ? null : peakBytes;
}

/** What recording took beyond the same run without it. */
export function extraBytes(tracedPeakBytes: number, untracedPeakBytes: number): number | null {
  if (tracedPeakBytes === 0 || untracedPeakBytes === 0) return null;
  return Math.max(0, tracedPeakBytes - untracedPeakBytes);
}
