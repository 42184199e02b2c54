// SPDX-License-Identifier: Apache-2.0
// In which order threads take chunks when any will do: as they are in the file, but towards the end the longest first,
// since a thread that finds none left waits for what the others have begun.

import type { ChunkInfo } from '../format/index.ts';

/** Chunks at the end that are taken by length, for each thread. */
const SORTED_CHUNKS = 8;

export type TakenChunk = Pick<ChunkInfo, 'accessCount' | 'blockCount' | 'payloadBytes'>;

/** `infoOf`: of the chunk of this number. */
export function takeOrder(
  chunks: readonly number[],
  threadCount: number,
  infoOf: (chunkIndex: number) => TakenChunk,
): readonly number[] {
  const sorted = Math.max(0, chunks.length - SORTED_CHUNKS * threadCount);
  const last = chunks
    .slice(sorted)
    .map((chunkIndex) => ({ chunkIndex, length: lengthOf(infoOf(chunkIndex)) }))
    .sort((a, b) => b.length - a.length);
  return [...chunks.slice(0, sorted), ...last.map(({ chunkIndex }) => chunkIndex)];
}

/** About how long it takes to decode, in some 20 ns. */
function lengthOf({ accessCount, blockCount, payloadBytes }: TakenChunk): number {
  return accessCount / 4 + blockCount + 1.5 * payloadBytes;
}
