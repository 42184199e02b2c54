// SPDX-License-Identifier: Apache-2.0
// Lays what was recorded of one instruction, in one direction, beside what was expected: which expected access
// is made of which recorded ones, with as few left over on either side as possible.

import type { ExpectedAccess } from './expected-access.ts';

/** A recorded access as a part of an expected one. */
export interface Piece {
  /** Index among the recorded accesses. */
  readonly recorded: number;
  /** Index among the expected ones. */
  readonly expected: number;
  /** Byte of the expected access that it begins at. */
  readonly offset: number;
}

export interface Alignment {
  readonly pieces: readonly Piece[];
  /** Indexes of expected accesses that were made, at least in part. */
  readonly made: readonly number[];
  /** Indexes of expected accesses that had to be made and were not. */
  readonly missing: readonly number[];
  /** Recorded accesses that belong to none. */
  readonly extra: number;
}

export interface AlignOptions {
  /** The instruction did not complete: what is missing may be missing, and the last piece may be all there is. */
  readonly isPartial: boolean;
}

/** sizes: bytes of the recorded accesses, in the order in which they were made. */
export function alignAccesses(
  expected: readonly ExpectedAccess[],
  sizes: readonly number[],
  { isPartial }: AlignOptions,
): Alignment {
  const columns = sizes.length + 1;
  // cost[i * columns + j]: of laying expected i.. beside recorded j.., the least number of leftovers;
  // choice: 0 leave the recorded one over, 1 leave the expected one out, n + 1: n pieces make it.
  const cost = new Uint32Array((expected.length + 1) * columns);
  const choice = new Uint32Array((expected.length + 1) * columns);
  for (let i = expected.length; i >= 0; i--) {
    for (let j = sizes.length; j >= 0; j--) {
      const at = i * columns + j;
      if (i === expected.length) {
        cost[at] = sizes.length - j;
        continue;
      }
      const one = expected[i];
      let best = cost[at + columns] + (mayBeLeftOut(one) || isPartial ? 0 : 1);
      let chosen = 1;
      if (j < sizes.length && cost[at + 1] + 1 < best) {
        best = cost[at + 1] + 1;
        chosen = 0;
      }
      // Made before left out: what may have been made is taken to have been.
      for (const bytes of [one.bytes, one.wider?.bytes ?? one.bytes]) {
        const pieces = piecesOf(bytes, sizes, j, isPartial);
        if (pieces > 0 && cost[at + columns + pieces] <= best) {
          best = cost[at + columns + pieces];
          chosen = pieces + 1;
        }
      }
      cost[at] = best;
      choice[at] = chosen;
    }
  }
  return readAlignment(expected, sizes, choice, isPartial);
}

function mayBeLeftOut({ occurrence, rule }: ExpectedAccess): boolean {
  return occurrence === 'conditional' || rule !== undefined;
}

/** How many recorded accesses from j on add up to the bytes; 0: no number does. */
function piecesOf(bytes: number, sizes: readonly number[], j: number, isPartial: boolean): number {
  let sum = 0;
  for (let end = j; end < sizes.length; end++) {
    sum += sizes[end];
    if (sum === bytes) return end + 1 - j;
    if (sum > bytes) return 0;
  }
  return isPartial ? sizes.length - j : 0;
}

function readAlignment(
  expected: readonly ExpectedAccess[],
  sizes: readonly number[],
  choice: Uint32Array,
  isPartial: boolean,
): Alignment {
  const columns = sizes.length + 1;
  const pieces: Piece[] = [];
  const made: number[] = [];
  const missing: number[] = [];
  let extra = 0;
  let j = 0;
  for (let i = 0; i < expected.length; ) {
    const chosen = choice[i * columns + j];
    if (chosen === 0) {
      extra++;
      j++;
      continue;
    }
    if (chosen === 1) {
      if (!mayBeLeftOut(expected[i]) && !isPartial) missing.push(i);
    } else {
      made.push(i);
      for (let offset = 0, left = chosen - 1; left > 0; left--, j++) {
        pieces.push({ recorded: j, expected: i, offset });
        offset += sizes[j];
      }
    }
    i++;
  }
  return { pieces, made, missing, extra: extra + sizes.length - j };
}
