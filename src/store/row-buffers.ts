// SPDX-License-Identifier: Apache-2.0
// Memory for rows on their way to DuckDB. It comes back and is used again: fresh memory for each batch cost a
// fifth of an export's time, in page faults and in collecting garbage.

import type { TakeBuffer } from './pack-columns.ts';

/** Rows of a batch, at most. */
export const BATCH_ROWS = 32_768;
/** Few rows get memory of their own size: how far threads run ahead is counted in rows. */
const DENSE_ROWS = BATCH_ROWS / 2;

export interface RowBuffers {
  readonly take: TakeBuffer;
  /** Takes back what nothing looks at any more. */
  give(buffers: readonly ArrayBuffer[]): void;
}

export function createRowBuffers(): RowBuffers {
  const free = new Map<number, ArrayBuffer[]>(
    [1, 2, 4, 8].map((elementBytes) => [elementBytes * BATCH_ROWS, []]),
  );
  return {
    take(count, elementBytes) {
      if (count < DENSE_ROWS) return new ArrayBuffer(count * elementBytes);
      const byteLength = BATCH_ROWS * elementBytes;
      return free.get(byteLength)?.pop() ?? new ArrayBuffer(byteLength);
    },
    give(buffers) {
      for (const buffer of buffers) free.get(buffer.byteLength)?.push(buffer);
    },
  };
}
