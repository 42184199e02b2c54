// SPDX-License-Identifier: Apache-2.0
// What analyses read of a batch of accesses: a batch of the reader has this shape. Columns that were not
// asked for are missing.

export interface AccessColumns {
  readonly length: number;
  /** Virtual addresses; read as u32 halves. */
  readonly vaddr?: BigUint64Array | undefined;
  /** Bit 0 store, bit 1 aborted. */
  readonly flags?: Uint8Array | undefined;
  /** Id of the block in the code table. */
  readonly block?: Uint32Array | undefined;
}

export const FLAG_STORE = 1;
export const FLAG_ABORTED = 2;

/** The column, or a bug: the caller did not ask the reader for it. */
export function requireColumn<T>(column: T | undefined, name: string): T {
  if (column === undefined) throw new Error(`internal: the batch has no column "${name}"`);
  return column;
}
