// SPDX-License-Identifier: Apache-2.0
import type { ColumnArrays, ColumnName } from '../format/index.ts';

/** Columns of a whole chunk, aborted accesses included: element i is of ordinal firstOrdinal + i. */
export type ChunkColumns = Partial<ColumnArrays> & {
  readonly chunkIndex: number;
  readonly stream: number;
  readonly firstOrdinal: number;
  readonly length: number;
};

/** Decoded chunks, as many as fit into a fixed number of bytes; decoding is done in threads of its own. */
export interface ChunkCache {
  /** Throws what reading the trace throws, and the reason of an aborted signal. */
  columns(
    chunkIndex: number,
    names: readonly ColumnName[],
    signal?: AbortSignal,
  ): Promise<ChunkColumns>;
  readonly heldBytes: number;
  close(): Promise<void>;
}
