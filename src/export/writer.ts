// SPDX-License-Identifier: Apache-2.0
// What the formats have in common: accesses, or whole executions, go in, and named buffers fill.

import type { Selection } from '../analysis/index.ts';
import type { AccessBatch, ColumnName, Trace } from '../format/index.ts';
import type { InstructionSites } from './instruction-sites.ts';
import type { LossCounts } from './losses.ts';
import type { OutputBuffer } from './output-buffer.ts';
import type { NameCode } from './rows.ts';
import type { ExecutionVisitor } from './walk-executions.ts';

/** A buffer and the file, in the export's folder, that it belongs to; '' for an export of one file. */
export interface NamedOutput {
  readonly name: string;
  readonly buffer: OutputBuffer;
}

interface Writer {
  /** So far; writers may add outputs as they go. */
  readonly outputs: readonly NamedOutput[];
  /** Lines, messages or entries that were written. */
  readonly records: number;
  /** What comes after the last access. */
  finish(): void;
}

/** A format that needs accesses alone. */
export interface AccessWriter extends Writer {
  readonly kind: 'accesses';
  readonly columns: readonly ColumnName[];
  /** Needs all accesses of the stretch of time that is exported, and not only what is wanted of it. */
  readonly hasTime: boolean;
  /** Those with a 1 in `wanted`; undefined: all. Time goes on over the others, but for those outside of the part. */
  consume(batch: AccessBatch, wanted: Uint8Array | undefined): void;
}

/** A format that needs every instruction with its accesses. */
export interface ExecutionWriter extends Writer, ExecutionVisitor {
  readonly kind: 'executions';
  readonly sites: InstructionSites;
}

export type FormatWriter = AccessWriter | ExecutionWriter;

export interface WriterOptions {
  /** The functions that code belongs to, when they are known. */
  readonly nameCode: NameCode | undefined;
  /** Block executions are left out between others of their vCPU. */
  readonly hasGaps: boolean;
  /** What is exported. */
  readonly selection: Selection;
}

/** Makes a writer that counts in `losses` what it leaves out, beside what was not selected. */
export type MakeWriter = (trace: Trace, losses: LossCounts, options: WriterOptions) => FormatWriter;
