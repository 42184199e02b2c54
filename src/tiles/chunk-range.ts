// SPDX-License-Identifier: Apache-2.0
// Where chunks are in their stream.

import type { ChunkInfo, Trace } from '../format/index.ts';
import type { OrdinalRange } from './view-index.ts';

/** Chunks of a stream that hold some of the range, ascending. */
export function chunksOf(
  { chunks }: Pick<Trace, 'chunks'>,
  stream: number,
  { from, to }: OrdinalRange,
): ChunkInfo[] {
  return chunks.filter(
    (chunk) =>
      chunk.stream === stream &&
      chunk.firstOrdinal < to &&
      chunk.firstOrdinal + chunk.accessCount > from,
  );
}

/** Ordinal behind the last access of a stream. */
export function endOfStream({ chunks }: Pick<Trace, 'chunks'>, stream: number): number {
  return chunks
    .filter((chunk) => chunk.stream === stream)
    .reduce((end, chunk) => Math.max(end, chunk.firstOrdinal + chunk.accessCount), 0);
}
