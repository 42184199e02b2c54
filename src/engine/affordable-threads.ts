// SPDX-License-Identifier: Apache-2.0
// How many threads a pass has memory for. Each has tables of its own, by instruction: the decoder's for those of a chunk, and
// those of most analyses for all. A boot has 370,000 instructions in its code table, so that this is no limit to it; some
// guests have millions.

import type { TraceShape } from '../analysis/index.ts';

/** Instructions of the code table that there may be tables of, of all threads: 60 to 80 bytes each. */
const TABLED_INSNS = 2 ** 23;

/** So many of the threads that are wanted, one at least. Results do not depend on it. */
export function affordableThreads(
  { insnBase, blockCount }: Pick<TraceShape, 'insnBase' | 'blockCount'>,
  wanted: number,
): number {
  const insns = insnBase[blockCount] ?? 0;
  return Math.min(wanted, Math.max(1, Math.floor(TABLED_INSNS / Math.max(1, insns))));
}
