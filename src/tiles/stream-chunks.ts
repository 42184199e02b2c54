// SPDX-License-Identifier: Apache-2.0
// The chunks of a trace, stream by stream.

import type { ChunkInfo } from '../format/index.ts';

export type CountedChunk = Pick<
  ChunkInfo,
  'chunkIndex' | 'stream' | 'firstOrdinal' | 'accessCount'
>;

export interface StreamChunks {
  readonly stream: number;
  readonly ordinalEnd: number;
  readonly chunks: readonly CountedChunk[];
}

/** Ascending by number; chunks in file order. */
export function chunksByStream(chunks: readonly CountedChunk[]): StreamChunks[] {
  const byStream = new Map<number, CountedChunk[]>();
  for (const chunk of chunks) {
    const own = byStream.get(chunk.stream) ?? [];
    own.push(chunk);
    byStream.set(chunk.stream, own);
  }
  return [...byStream]
    .map(([stream, own]) => {
      const last = own[own.length - 1];
      return { stream, ordinalEnd: last.firstOrdinal + last.accessCount, chunks: own };
    })
    .sort((a, b) => a.stream - b.stream);
}
