// SPDX-License-Identifier: Apache-2.0
// Adds up which lines and pages were touched in which windows, and by whom.

export interface WorkingSet {
  readonly lines: number;
  readonly pages: number;
}

export interface FootprintPart {
  readonly all: WorkingSet;
  readonly kernel: WorkingSet;
  readonly user: WorkingSet;
}

type Measure = 'lines' | 'pages';

export interface Tally {
  /** A line or page of which a word of kernel's is at `at`, the one of user's 2^shift behind it, and so on. */
  add(measure: Measure, bits: Uint32Array, at: number, words: number, shift: number): void;
  /** Of a window; of the total when it is their number. */
  part(window: number, scale: number): FootprintPart;
}

export function createTally(windowCount: number): Tally {
  // By kernel, by user, by both, in each window; the last is of all together.
  const make = (): readonly Float64Array[] =>
    [0, 1, 2].map(() => new Float64Array(windowCount + 1));
  const counts = { lines: make(), pages: make() };
  return {
    add(measure, bits, at, words, shift) {
      const [kernel, user, both] = counts[measure];
      let everKernel = 0;
      let everUser = 0;
      for (let word = 0; word < words; word++) {
        const byKernel = bits[at + ((2 * word) << shift)];
        const byUser = bits[at + ((2 * word + 1) << shift)];
        everKernel |= byKernel;
        everUser |= byUser;
        if (byKernel !== 0) addBits(kernel, byKernel, 32 * word);
        if (byUser === 0) continue;
        addBits(user, byUser, 32 * word);
        if (byKernel !== 0) addBits(both, byKernel & byUser, 32 * word);
      }
      if (everKernel !== 0) kernel[windowCount]++;
      if (everUser !== 0) user[windowCount]++;
      if (everKernel !== 0 && everUser !== 0) both[windowCount]++;
    },
    part(window, scale) {
      const [lines, pages] = [counts.lines, counts.pages].map((by) =>
        by.map((count) => count[window]),
      );
      const set = (ofLines: number, ofPages: number): WorkingSet => ({
        lines: ofLines * scale,
        pages: ofPages * scale,
      });
      return {
        all: set(lines[0] + lines[1] - lines[2], pages[0] + pages[1] - pages[2]),
        kernel: set(lines[0], pages[0]),
        user: set(lines[1], pages[1]),
      };
    },
  };
}

/** Adds 1 for each bit of the word; `from`: for its lowest. */
function addBits(into: Float64Array, word: number, from: number): void {
  for (let rest = word; rest !== 0; rest &= rest - 1) into[from + 31 - Math.clz32(rest & -rest)]++;
}
