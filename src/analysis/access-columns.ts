// SPDX-License-Identifier: Apache-2.0
// What analyses read: a stretch of a trace as columns. The engine fills it from the reader; a batch of the
// reader without block executions and notes has this shape too. Columns that were not asked for are missing.

import type { ColumnArrays, MappingColumns, SliceNote } from '../format/index.ts';

/** Columns of accesses by name, as the reader has them: docs/library.md. 64-bit ones are read with halves(). */
export type AccessColumns = {
  readonly [Name in keyof ColumnArrays]?: ColumnArrays[Name] | undefined;
} & {
  readonly length: number;
  /** Ordinal, within the stream, of the first access; that of access i when none were left out is i more. */
  readonly firstOrdinal?: number | undefined;
  /** Ordinal behind the last access, of those that were left out, too. */
  readonly endOrdinal?: number | undefined;
  readonly stream?: number | undefined;
  readonly chunkIndex?: number | undefined;
  /** Block executions, when the analysis asks for them. */
  readonly runs?: RunColumns | undefined;
  /** Where a selection by icount begins or ends inside an execution, which is in `runs` when it begins in there. */
  readonly runParts?: readonly RunPart[] | undefined;
  /** Ascending by index. */
  readonly notes?: readonly PlacedNote[] | undefined;
  /** What is told of translations, when the analysis asks for it. */
  readonly mappings?: MappingColumns | undefined;
};

/** Whole block executions, the complete instruction stream: their accesses are all in the stretch. */
export interface RunColumns {
  readonly length: number;
  /** Position, within the stream, of the first one; that of execution i when none were left out is i more. */
  readonly firstBlock: number;
  /** Id in the code table. */
  readonly block: Uint32Array;
  /** Instructions that completed: all of the block's unless it was left early. */
  readonly executed: Uint16Array;
  readonly vcpu: Uint16Array;
  /** Of the block's first instruction. */
  readonly icount: BigUint64Array;
  /** Index, in the stretch, that the execution's first access has or would have; ascending. */
  readonly firstAccess: Uint32Array;
  /**
   * 1 when its first instruction is a rep string one that goes on from the execution before: the instruction
   * is among the completed ones of both, and counts once.
   */
  readonly continues: Uint8Array;
  /**
   * The same number, in this chunk: executions of one block that made the same accesses but for their
   * addresses, none of them to a device, and that completed. 0: it is not known; so are all of a stretch from
   * which something was left out.
   */
  readonly shape: Uint32Array;
}

/** Instructions `begin` to `end` of an execution of a block: of no execution in `runs` (1), or to be taken from one (-1). */
export interface RunPart {
  readonly block: number;
  readonly begin: number;
  readonly end: number;
  readonly times: 1 | -1;
}

/** A note stands before the access with this index and the block execution with that one. */
export type PlacedNote = SliceNote;

/** The column, or a bug: the caller did not ask the reader for it. */
export function requireColumn<T>(column: T | undefined, name: string): T {
  if (column === undefined) throw new Error(`internal: the batch has no column "${name}"`);
  return column;
}
