// SPDX-License-Identifier: Apache-2.0
// What names need to know of a trace's code table; an open trace's `code` is one.

/** Blocks by id, 0 to blockCount - 1 (docs/format.md section 2). */
export interface CodeBlocks {
  readonly blockCount: number;
  vaddr(id: number): bigint;
  mode(id: number): number | undefined;
  insnOffsets(id: number): Uint16Array;
  bytes(id: number): Uint8Array;
}
