// SPDX-License-Identifier: Apache-2.0
import type { ColumnArrays, ColumnName } from '../format/index.ts';
import type { ChunkPlaces } from './chunk-protocol.ts';
import type { PageNumbers } from './page-axis.ts';
import type { Space } from './view-index.ts';

/** Columns of a whole chunk, aborted accesses included: element i is of ordinal firstOrdinal + i. Not to be changed. */
export type ChunkColumns = Partial<ColumnArrays> & {
  readonly chunkIndex: number;
  readonly stream: number;
  readonly firstOrdinal: number;
  readonly length: number;
};

/**
 * Decoded chunks, as many as fit into a fixed number of bytes; those that were used last. Decoding is done in
 * threads of its own. All throw what reading the trace throws, and the reason of an aborted signal; what was being
 * decoded then is kept when it is done.
 */
export interface ChunkCache {
  columns(
    chunkIndex: number,
    names: readonly ColumnName[],
    signal?: AbortSignal,
  ): Promise<ChunkColumns>;
  /** For tiles. `pages`: of the trace's index, always the same. */
  places(
    chunkIndex: number,
    space: Space,
    pages: PageNumbers,
    signal?: AbortSignal,
  ): Promise<ChunkPlaces>;
  readonly heldBytes: number;
  /** Gives back what is held, threads that have nothing to do included; they come again when they are needed. */
  release(): Promise<void>;
  close(): Promise<void>;
}
