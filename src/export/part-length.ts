// SPDX-License-Identifier: Apache-2.0
// How long a part of a trace is, from what chunks say of themselves.

import type { Selection, Span } from '../analysis/index.ts';
import { type ChunkInfo, icountRanges, type Trace } from '../format/index.ts';

/**
 * Instructions in the part, about: within a chunk accesses are taken to be spread evenly. What is chosen beside a stretch
 * of time and a vCPU does not make it shorter.
 */
export function estimateInstructions(
  { chunks }: Pick<Trace, 'chunks'>,
  selection: Pick<Selection, 'ordinals' | 'icounts' | 'vcpu'>,
): number {
  const following = new Map<number, ChunkInfo>();
  let sum = 0;
  for (const chunk of chunks.toReversed()) {
    sum += instructionsIn(chunk, following.get(chunk.stream), selection);
    following.set(chunk.stream, chunk);
  }
  return sum;
}

function instructionsIn(
  chunk: ChunkInfo,
  next: ChunkInfo | undefined,
  { ordinals = ALL, icounts = ALL, vcpu }: Pick<Selection, 'ordinals' | 'icounts' | 'vcpu'>,
): number {
  const { firstOrdinal, accessCount, instructionCount } = chunk;
  const chosen = overlap({ begin: firstOrdinal, end: firstOrdinal + accessCount }, ordinals);
  const ranges = icountRanges(chunk, next);
  const known = ranges.filter((range) => range.vcpu !== undefined);
  let instructions = 0;
  // Only in the last chunk may others have run: it counts as theirs when it lists none.
  for (const range of known.length > 0 ? known : ranges) {
    if (vcpu !== undefined && range.vcpu !== undefined && range.vcpu !== vcpu) continue;
    instructions += overlap({ begin: Number(range.first), end: Number(range.last) }, icounts);
  }
  return (Math.min(instructions, instructionCount) * chosen) / Math.max(1, accessCount);
}

const ALL: Span = { begin: 0, end: Number.POSITIVE_INFINITY };

function overlap(one: Span, other: Span): number {
  return Math.max(0, Math.min(one.end, other.end) - Math.max(one.begin, other.begin));
}
