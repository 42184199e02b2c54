// SPDX-License-Identifier: Apache-2.0
// Iterates chunks as slices: accesses, block executions and notes of one stretch together, nothing left out.
// What analyses are fed with.

import { TraceError } from '../base/index.ts';
import { type AccessBatch, type ColumnName, kernelBits, takeBatch } from './access-batch.ts';
import type { ChunkRecord } from './chunk-header.ts';
import { type ChunkKernel, ColumnBit, ColumnNumber } from './kernel.ts';
import type { Capabilities } from './metadata.ts';
import { requireColumns } from './read-accesses.ts';
import {
  decodeNotes,
  type NoteName,
  type NotePlan,
  planNotes,
  type TraceNote,
} from './read-notes.ts';

export interface SliceOptions {
  readonly columns: readonly ColumnName[];
  /** Default: all, in the order of the file. */
  readonly chunks?: readonly number[];
  /** Also block executions. Default false. */
  readonly runs?: boolean;
  /** Also notes of these kinds. Default: none. */
  readonly notes?: readonly NoteName[];
  readonly signal?: AbortSignal;
}

/** Block executions that begin in a slice; overwritten by the next step, as all columns are. */
export interface SliceRuns {
  readonly length: number;
  /** Id in the code table. */
  readonly block: Uint32Array;
  /** Instructions that completed. */
  readonly executed: Uint16Array;
  readonly vcpu: Uint16Array;
  /** Of the first instruction. */
  readonly icount: BigUint64Array;
  /** Index in the slice that its first access has or would have. */
  readonly firstAccess: Uint32Array;
}

/** Accesses, aborted ones among them, in the order in which they were made. */
export type TraceSlice = AccessBatch & {
  readonly runs?: SliceRuns;
  /** A note stands before the access at `index` and, with runs, before the block execution at `runIndex`. */
  readonly notes?: readonly (TraceNote & { readonly index: number; readonly runIndex: number })[];
};

export interface SlicePlan {
  readonly columns: ReadonlySet<ColumnName>;
  readonly records: readonly ChunkRecord[];
  readonly runs: boolean;
  readonly notes: NotePlan | undefined;
}

/** Throws 'bad-argument', 'missing-capability'. */
export function planSlices(
  options: SliceOptions,
  capabilities: Capabilities,
  records: readonly ChunkRecord[],
): SlicePlan {
  const { notes = [] } = options;
  return {
    columns: requireColumns(options.columns, capabilities),
    records: (options.chunks ?? records.map((_record, index) => index)).map((index) =>
      requireChunk(records, index),
    ),
    runs: options.runs ?? false,
    notes: notes.length === 0 ? undefined : planNotes({ kinds: notes }, new Set()),
  };
}

function requireChunk(records: readonly ChunkRecord[], index: number): ChunkRecord {
  const record = records.at(index);
  if (record !== undefined && index >= 0) return record;
  throw new TraceError('bad-argument', 'there is no such chunk', {
    expected: `0 to ${records.length - 1}`,
    found: String(index),
  });
}

/** The slices of a chunk that the kernel has loaded. */
export function* decodeSlices(
  kernel: ChunkKernel,
  record: ChunkRecord,
  payload: Uint8Array<ArrayBuffer>,
  plan: SlicePlan,
): Generator<TraceSlice, void, undefined> {
  const { info } = record;
  const wanted = kernelBits(plan.columns) | (plan.runs ? ColumnBit.runs : 0);
  const notes = plan.notes === undefined ? [] : [...decodeNotes(record, payload, plan.notes.kinds)];
  let kernelOrdinal = info.firstOrdinal;
  let firstBlock = info.firstBlock;
  let notesTaken = 0;
  for (let more = true; more; ) {
    more = kernel.run(wanted);
    const length = kernel.accessesInBatch;
    const runCount = plan.runs ? kernel.runsInBatch : 0;
    const place = { stream: info.stream, chunkIndex: info.chunkIndex, kernelOrdinal };
    const taken = notesTaken;
    while (
      notesTaken < notes.length &&
      (!more ||
        notes[notesTaken].ordinal < kernelOrdinal + length ||
        (plan.runs && notes[notesTaken].block < firstBlock + runCount))
    ) {
      notesTaken++;
    }
    if (length > 0 || runCount > 0 || notesTaken > taken) {
      const batch = takeBatch(kernel, plan.columns, place, [{ begin: 0, end: length }], false);
      const [ordinal, block] = [kernelOrdinal, firstBlock];
      yield {
        ...batch,
        ...(plan.runs ? { runs: takeRuns(kernel, kernelOrdinal - info.firstOrdinal) } : {}),
        ...(plan.notes === undefined
          ? {}
          : {
              notes: notes.slice(taken, notesTaken).map((note) => ({
                ...note,
                index: note.ordinal - ordinal,
                runIndex: plan.runs ? note.block - block : 0,
              })),
            }),
      };
    }
    kernelOrdinal += length;
    firstBlock += runCount;
  }
}

/** `accessesBefore`: of the chunk, before this batch. */
function takeRuns(kernel: ChunkKernel, accessesBefore: number): SliceRuns {
  const length = kernel.runsInBatch;
  const { buffer } = kernel;
  const firstAccess = new Uint32Array(buffer, kernel.address(ColumnNumber.runFirstAccess), length);
  for (let i = 0; i < length; i++) firstAccess[i] -= accessesBefore;
  return {
    length,
    block: new Uint32Array(buffer, kernel.address(ColumnNumber.runBlock), length),
    executed: new Uint16Array(buffer, kernel.address(ColumnNumber.runExecuted), length),
    vcpu: new Uint16Array(buffer, kernel.address(ColumnNumber.runVcpu), length),
    icount: new BigUint64Array(buffer, kernel.address(ColumnNumber.runIcount), length),
    firstAccess,
  };
}
