// SPDX-License-Identifier: Apache-2.0
// What a scanning thread is told and what it sends. The reader takes messages without giving up its own
// thread (DuckDB wants rows at once): it waits on `arrivals`, which counts messages sent.

import type { MessagePort } from 'node:worker_threads';
import type { Selection } from '../analysis/index.ts';
import type { TraceFailure } from '../base/index.ts';
import type { ColumnName } from '../format/index.ts';
import type { FunctionNumbers } from './function-words.ts';
import type { PackedColumn } from './pack-columns.ts';
import type { PlainBounds } from './row-filter.ts';
import type { ScanColumn } from './scan-columns.ts';

export interface ScanTask {
  readonly path: string;
  /** In the order in which they are wanted. */
  readonly chunks: readonly ScanChunk[];
  readonly columns: readonly Pick<ScanColumn, 'name' | 'kind' | 'needs'>[];
  readonly bounds: readonly PlainBounds[];
  /** Instead of bounds: rows are those of the selection; undefined: all within the bounds. */
  readonly selected: ScanSelection | undefined;
  /** NO_FUNCTIONS when they are not asked for. */
  readonly functions: FunctionNumbers;
  readonly lookAheadRows: number;
  /** One element, shared. */
  readonly arrivals: Int32Array;
  readonly port: MessagePort;
}

export interface ScanSelection {
  readonly selection: Selection;
  /** That it is decided by: selectionColumns(). */
  readonly columns: readonly ColumnName[];
  /** TraceShape.insnBase. */
  readonly insnBase: Uint32Array;
}

export interface ScanChunk {
  readonly stream: number;
  readonly firstOrdinal: number;
  readonly endOrdinal: number;
  /** Instead of the selection's. */
  readonly vcpu?: number;
}

export type ScanMessage =
  | {
      readonly type: 'rows';
      readonly rowCount: number;
      /** As many as columns were asked for. */
      readonly columns: readonly PackedColumn[];
    }
  | {
      readonly type: 'chunk-end';
      /** Accesses that are selected but did not complete, and so are no rows; 0 without a selection. */
      readonly aborted: number;
    }
  | TraceFailure
  /** A bug; an Error arrives with its stack. */
  | { readonly type: 'bug'; readonly error: unknown };

/** Sent back for rows that were taken: how many, and the memory they were in. */
export interface ScanCredit {
  readonly rowCount: number;
  readonly buffers: readonly ArrayBuffer[];
}
