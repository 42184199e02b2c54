// SPDX-License-Identifier: Apache-2.0
// Iterates chunks as slices: accesses, block executions and notes of one stretch together, nothing left out.
// What analyses are fed with.

import { TraceError } from '../base/index.ts';
import {
  type AccessBatch,
  type ColumnName,
  joinBatches,
  kernelBits,
  takeBatch,
} from './access-batch.ts';
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
  /** Only notes, which stand in one slice for each chunk, before nothing. Far cheaper. Default false. */
  readonly notesOnly?: boolean;
  readonly signal?: AbortSignal;
}

/** Whole block executions: all of their accesses are in the slice. Overwritten by the next step. */
export interface SliceRuns {
  readonly length: number;
  /** Position, within the stream, of the first one. */
  readonly firstBlock: number;
  /** Id in the code table. */
  readonly block: Uint32Array;
  /** Instructions that completed. */
  readonly executed: Uint16Array;
  readonly vcpu: Uint16Array;
  /** Of the first instruction. */
  readonly icount: BigUint64Array;
  /** Index in the slice that its first access has or would have. */
  readonly firstAccess: Uint32Array;
  /**
   * 1 when its first instruction is a rep string one that goes on from the execution before: the instruction
   * is among the completed ones of both.
   */
  readonly continues: Uint8Array;
  /**
   * The same number, in this chunk: executions of one block that made the same accesses but for their
   * addresses, none of them to a device, and that completed. 0: it is not known.
   */
  readonly shape: Uint32Array;
}

/** Accesses, aborted ones among them, in the order in which they were made. */
export type TraceSlice = AccessBatch & {
  readonly runs?: SliceRuns;
  /** A note stands before the access at `index` and, with runs, before the block execution at `runIndex`. */
  readonly notes?: readonly (TraceNote & { readonly index: number; readonly runIndex: number })[];
};

type GrowingSlice = { -readonly [Name in keyof TraceSlice]: TraceSlice[Name] };

export interface SlicePlan {
  readonly columns: ReadonlySet<ColumnName>;
  readonly records: readonly ChunkRecord[];
  readonly runs: boolean;
  readonly notes: NotePlan | undefined;
  /** The kernel need not have loaded the chunk. */
  readonly notesOnly: boolean;
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
    notesOnly: options.notesOnly ?? false,
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

/** The slices of a chunk; the kernel has loaded it unless only notes are wanted. */
export function* decodeSlices(
  kernel: ChunkKernel,
  record: ChunkRecord,
  payload: Uint8Array<ArrayBuffer>,
  plan: SlicePlan,
): Generator<TraceSlice, void, undefined> {
  const placer = createNotePlacer(record, payload, plan);
  for (const { batch, runs, isLast } of decodePieces(kernel, record, plan)) {
    const notes = placer?.take(batch, runs, isLast);
    const isEmpty = batch.length === 0 && (runs?.length ?? 0) === 0 && (notes?.length ?? 0) === 0;
    if (isEmpty) continue;
    // A batch of its own, which nobody else has.
    const slice: GrowingSlice = batch;
    if (runs !== undefined) slice.runs = runs;
    if (notes !== undefined) slice.notes = notes;
    yield slice;
  }
}

interface Piece {
  readonly batch: AccessBatch;
  readonly runs: SliceRuns | undefined;
  /** Of the chunk. */
  readonly isLast: boolean;
}

function decodePieces(kernel: ChunkKernel, record: ChunkRecord, plan: SlicePlan): Iterable<Piece> {
  const { firstOrdinal, firstBlock } = record.info;
  if (plan.notesOnly) return [lastPiece(kernel, record, plan, firstOrdinal, firstBlock)];
  return plan.runs ? decodeWhole(kernel, record, plan) : decodePlain(kernel, record, plan);
}

/** Nothing, at the end of a chunk. */
function lastPiece(
  kernel: ChunkKernel,
  { info: { stream, chunkIndex } }: ChunkRecord,
  { columns, runs }: SlicePlan,
  kernelOrdinal: number,
  firstBlock: number,
): Piece {
  const place = { stream, chunkIndex, kernelOrdinal };
  return {
    batch: takeBatch(kernel, columns, place, [{ begin: 0, end: 0 }], false),
    runs: runs ? takeRuns(kernel, firstBlock, 0, 0, 0) : undefined,
    isLast: true,
  };
}

function* decodePlain(
  kernel: ChunkKernel,
  { info }: ChunkRecord,
  { columns }: SlicePlan,
): Generator<Piece, void, undefined> {
  let kernelOrdinal = info.firstOrdinal;
  for (let more = true; more; ) {
    more = kernel.run(kernelBits(columns));
    const length = kernel.accessesInBatch;
    const place = { stream: info.stream, chunkIndex: info.chunkIndex, kernelOrdinal };
    const batch = takeBatch(kernel, columns, place, [{ begin: 0, end: length }], false);
    yield { batch, runs: undefined, isLast: !more };
    kernelOrdinal += length;
  }
}

/**
 * The kernel fills its columns to the brim: the block execution that its batch ends in is put aside, completed
 * from the next ones, and given alone.
 */
function* decodeWhole(
  kernel: ChunkKernel,
  record: ChunkRecord,
  plan: SlicePlan,
): Generator<Piece, void, undefined> {
  const { info } = record;
  const { columns } = plan;
  const wanted = kernelBits(columns) | ColumnBit.runs;
  let aside: { batches: AccessBatch[]; runs: SliceRuns } | undefined;
  let kernelOrdinal = info.firstOrdinal;
  let firstBlock = info.firstBlock;
  for (let more = true; more; ) {
    more = kernel.run(wanted);
    const length = kernel.accessesInBatch;
    const runCount = kernel.runsInBatch;
    const place = { stream: info.stream, chunkIndex: info.chunkIndex, kernelOrdinal };
    const take = (begin: number, end: number, copy: boolean): AccessBatch =>
      takeBatch(kernel, columns, place, [{ begin, end }], copy);
    const inChunk = runColumn(kernel);
    const firstOf = (run: number): number => inChunk[run] - (kernelOrdinal - info.firstOrdinal);
    const ofAside = runCount === 0 ? length : firstOf(0);
    if (aside !== undefined) {
      if (ofAside > 0) aside.batches.push(take(0, ofAside, true));
      if (runCount > 0) {
        yield { batch: joinBatches(aside.batches), runs: aside.runs, isLast: false };
        aside = undefined;
      }
    }
    if (runCount > 0) {
      const last = runCount - 1;
      const lastAt = firstOf(last);
      const kept = takeRuns(kernel, firstBlock, last, runCount, inChunk[last]);
      if (last > 0) {
        yield {
          batch: take(ofAside, lastAt, false),
          runs: takeRuns(kernel, firstBlock, 0, last, inChunk[0]),
          isLast: false,
        };
      }
      aside = {
        batches: [take(lastAt, length, true)],
        runs: copyRuns(kept),
      };
    }
    kernelOrdinal += length;
    firstBlock += runCount;
  }
  yield aside === undefined
    ? lastPiece(kernel, record, plan, kernelOrdinal, firstBlock)
    : { batch: joinBatches(aside.batches), runs: aside.runs, isLast: true };
}

/** First access of each block execution, counted in the chunk. */
function runColumn(kernel: ChunkKernel): Uint32Array {
  const at = kernel.address(ColumnNumber.runFirstAccess);
  return new Uint32Array(kernel.buffer, at, kernel.runsInBatch);
}

/** Views; `firstBlock`: of the kernel's batch; `accessesBefore`: of the chunk, before the slice. */
function takeRuns(
  kernel: ChunkKernel,
  firstBlock: number,
  begin: number,
  end: number,
  accessesBefore: number,
): SliceRuns {
  const length = end - begin;
  const { buffer } = kernel;
  const at = (name: keyof typeof ColumnNumber, elementBytes: number): number =>
    kernel.address(ColumnNumber[name]) + begin * elementBytes;
  const firstAccess = new Uint32Array(buffer, at('runFirstAccess', 4), length);
  for (let i = 0; i < length; i++) firstAccess[i] -= accessesBefore;
  return {
    length,
    firstBlock: firstBlock + begin,
    block: new Uint32Array(buffer, at('runBlock', 4), length),
    executed: new Uint16Array(buffer, at('runExecuted', 2), length),
    vcpu: new Uint16Array(buffer, at('runVcpu', 2), length),
    icount: new BigUint64Array(buffer, at('runIcount', 8), length),
    firstAccess,
    continues: new Uint8Array(buffer, at('runContinues', 1), length),
    shape: new Uint32Array(buffer, at('runShape', 4), length),
  };
}

function copyRuns(runs: SliceRuns): SliceRuns {
  return {
    length: runs.length,
    firstBlock: runs.firstBlock,
    block: runs.block.slice(),
    executed: runs.executed.slice(),
    vcpu: runs.vcpu.slice(),
    icount: runs.icount.slice(),
    firstAccess: runs.firstAccess.slice(),
    continues: runs.continues.slice(),
    shape: runs.shape.slice(),
  };
}

type PlacedNotes = (TraceNote & { readonly index: number; readonly runIndex: number })[];

interface NotePlacer {
  take(batch: AccessBatch, runs: SliceRuns | undefined, isLast: boolean): TraceSlice['notes'];
}

function createNotePlacer(
  record: ChunkRecord,
  payload: Uint8Array<ArrayBuffer>,
  plan: SlicePlan,
): NotePlacer | undefined {
  if (plan.notes === undefined) return undefined;
  const notes = decodeNotes(record, payload, plan.notes.kinds);
  let next = notes.next();
  return {
    take({ firstOrdinal, length }, runs, isLast) {
      const endBlock = runs === undefined ? 0 : runs.firstBlock + runs.length;
      const isHere = ({ ordinal, block }: TraceNote): boolean =>
        isLast || ordinal < firstOrdinal + length || block < endBlock;
      const taken: PlacedNotes = [];
      for (; next.done !== true && isHere(next.value); next = notes.next()) {
        const note = next.value;
        taken.push({
          ...note,
          index: plan.notesOnly ? 0 : note.ordinal - firstOrdinal,
          runIndex: runs === undefined || plan.notesOnly ? 0 : note.block - runs.firstBlock,
        });
      }
      return taken;
    },
  };
}
