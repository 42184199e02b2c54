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
import { MappingCollector, type MappingColumns, MappingKind } from './mapping-columns.ts';
import type { Capabilities } from './metadata.ts';
import { NoteCursor } from './note-cursor.ts';
import { requireColumns } from './read-accesses.ts';
import {
  markKinds,
  type NoteName,
  type NotePlan,
  planNotes,
  readNote,
  type TraceNote,
} from './read-notes.ts';

export interface SliceOptions {
  readonly columns: readonly ColumnName[];
  /** Default: all, in the order of the file. */
  readonly chunks?: readonly number[];
  /** Also block executions. Default false. */
  readonly runs?: boolean;
  /** Also notes of these kinds. Default: none. */
  readonly notes?: readonly SliceNoteName[];
  /** Also what is told of translations. Default false. */
  readonly mappings?: boolean;
  /** Only notes and mappings, which stand before nothing, in slices without accesses. Far cheaper. Default false. */
  readonly notesOnly?: boolean;
  readonly signal?: AbortSignal;
}

/** Kinds that are told in SliceOptions.mappings instead: there may be one of these for each access. */
type MappingNoteName = 'map' | 'map-unknown' | 'unmap' | 'attributes';

export type SliceNoteName = Exclude<NoteName, MappingNoteName>;

/** A note stands before the access at `index` and, with runs, before the block execution at `runIndex`. */
export type SliceNote = Extract<TraceNote, { readonly kind: SliceNoteName }> & {
  readonly index: number;
  readonly runIndex: number;
};

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
  readonly notes?: readonly SliceNote[];
  /** Overwritten by the next step. */
  readonly mappings?: MappingColumns;
};

type GrowingSlice = { -readonly [Name in keyof TraceSlice]: TraceSlice[Name] };

export interface SlicePlan {
  readonly columns: ReadonlySet<ColumnName>;
  readonly records: readonly ChunkRecord[];
  readonly runs: boolean;
  readonly notes: NotePlan | undefined;
  readonly mappings: boolean;
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
  requireNoMappings(notes);
  return {
    columns: requireColumns(options.columns, capabilities),
    records: (options.chunks ?? records.map((_record, index) => index)).map((index) =>
      requireChunk(records, index),
    ),
    runs: options.runs ?? false,
    notesOnly: options.notesOnly ?? false,
    notes: notes.length === 0 ? undefined : planNotes({ kinds: notes }, new Set()),
    mappings: options.mappings ?? false,
  };
}

const MAPPING_NOTES: ReadonlySet<string> = new Set<MappingNoteName>([
  'map',
  'map-unknown',
  'unmap',
  'attributes',
]);

/** Analyses of a user's own are not checked by the compiler. */
function requireNoMappings(kinds: readonly NoteName[]): void {
  const found = kinds.find((kind) => MAPPING_NOTES.has(kind));
  if (found === undefined) return;
  throw new TraceError('bad-argument', 'such notes come as columns', {
    expected: 'mappings: true',
    found: `notes: ['${found}']`,
  });
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
  const placer =
    plan.notes === undefined && !plan.mappings
      ? undefined
      : createNotePlacer(record, payload, plan);
  for (const { batch, runs, isLast } of decodePieces(kernel, record, plan, placer)) {
    const { notes, mappings } = placer?.take(batch, runs, isLast) ?? {};
    const isEmpty =
      batch.length === 0 &&
      (runs?.length ?? 0) === 0 &&
      (notes?.length ?? 0) === 0 &&
      (mappings?.length ?? 0) === 0;
    if (isEmpty) continue;
    // A batch of its own, which nobody else has.
    const slice: GrowingSlice = batch;
    if (runs !== undefined) slice.runs = runs;
    if (notes !== undefined) slice.notes = notes;
    if (mappings !== undefined) slice.mappings = mappings;
    yield slice;
  }
}

interface Piece {
  readonly batch: AccessBatch;
  readonly runs: SliceRuns | undefined;
  /** Of the chunk. */
  readonly isLast: boolean;
}

function decodePieces(
  kernel: ChunkKernel,
  record: ChunkRecord,
  plan: SlicePlan,
  placer: NotePlacer | undefined,
): Iterable<Piece> {
  if (plan.notesOnly) return placer === undefined ? [] : emptyPieces(kernel, record, plan, placer);
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
    runs: runs ? takeRuns(kernel, firstBlock, 0, 0) : undefined,
    isLast: true,
  };
}

/** As long as there are notes. */
function* emptyPieces(
  kernel: ChunkKernel,
  record: ChunkRecord,
  plan: SlicePlan,
  placer: NotePlacer,
): Generator<Piece, void, undefined> {
  const { firstOrdinal, firstBlock } = record.info;
  while (placer.hasMore) yield lastPiece(kernel, record, plan, firstOrdinal, firstBlock);
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
    const ofAside = runCount === 0 ? length : kernel.firstAccessOfRuns;
    if (aside !== undefined) {
      if (ofAside > 0) aside.batches.push(take(0, ofAside, true));
      if (runCount > 0) {
        yield { batch: joinBatches(aside.batches), runs: aside.runs, isLast: false };
        aside = undefined;
      }
    }
    if (runCount > 0) {
      const last = runCount - 1;
      const kept = takeRuns(kernel, firstBlock, last, runCount);
      const lastAt = ofAside + kept.firstAccess[0];
      if (last > 0) {
        yield {
          batch: take(ofAside, lastAt, false),
          runs: takeRuns(kernel, firstBlock, 0, last),
          isLast: false,
        };
      }
      aside = {
        batches: [take(lastAt, length, true)],
        runs: aloneRun(kept),
      };
    }
    kernelOrdinal += length;
    firstBlock += runCount;
  }
  yield aside === undefined
    ? lastPiece(kernel, record, plan, kernelOrdinal, firstBlock)
    : { batch: joinBatches(aside.batches), runs: aside.runs, isLast: true };
}

/** Views; `firstBlock`: of the kernel's batch, from whose first block execution accesses are counted. */
function takeRuns(kernel: ChunkKernel, firstBlock: number, begin: number, end: number): SliceRuns {
  const length = end - begin;
  const { buffer } = kernel;
  const at = (name: keyof typeof ColumnNumber, elementBytes: number): number =>
    kernel.address(ColumnNumber[name]) + begin * elementBytes;
  return {
    length,
    firstBlock: firstBlock + begin,
    block: new Uint32Array(buffer, at('runBlock', 4), length),
    executed: new Uint16Array(buffer, at('runExecuted', 2), length),
    vcpu: new Uint16Array(buffer, at('runVcpu', 2), length),
    icount: new BigUint64Array(buffer, at('runIcount', 8), length),
    firstAccess: new Uint32Array(buffer, at('runFirstAccess', 4), length),
    continues: new Uint8Array(buffer, at('runContinues', 1), length),
    shape: new Uint32Array(buffer, at('runShape', 4), length),
  };
}

/** A copy of one block execution, which begins its slice. */
function aloneRun(runs: SliceRuns): SliceRuns {
  return {
    length: runs.length,
    firstBlock: runs.firstBlock,
    block: runs.block.slice(),
    executed: runs.executed.slice(),
    vcpu: runs.vcpu.slice(),
    icount: runs.icount.slice(),
    firstAccess: new Uint32Array(1),
    continues: runs.continues.slice(),
    shape: runs.shape.slice(),
  };
}

interface NotePlacer {
  readonly hasMore: boolean;
  /** Those that stand in this piece, or behind all of them; of notes alone, some of those that are left. */
  take(
    batch: AccessBatch,
    runs: SliceRuns | undefined,
    isLast: boolean,
  ): Pick<TraceSlice, 'notes' | 'mappings'>;
}

/** Without accesses a slice has no more of them. */
const MOST_NOTES_ALONE = 2 ** 16;

function createNotePlacer(
  record: ChunkRecord,
  payload: Uint8Array<ArrayBuffer>,
  { notes: wantedNotes, mappings: wantsMappings, notesOnly }: SlicePlan,
): NotePlacer {
  const wanted = markKinds(wantedNotes?.kinds ?? new Set());
  const cursor = new NoteCursor(record, payload);
  const mappings = new MappingCollector();
  return {
    get hasMore() {
      return cursor.kind !== 0;
    },
    take({ firstOrdinal, length }, runs, isLast) {
      const endOrdinal = isLast ? Number.POSITIVE_INFINITY : firstOrdinal + length;
      const endBlock = runs === undefined ? 0 : runs.firstBlock + runs.length;
      const ordinalAt = (): number => (notesOnly ? 0 : cursor.ordinal - firstOrdinal);
      const runAt = (): number =>
        notesOnly || runs === undefined ? 0 : cursor.block - runs.firstBlock;
      const notes: SliceNote[] = [];
      let left = notesOnly ? MOST_NOTES_ALONE : Number.POSITIVE_INFINITY;
      for (; cursor.kind !== 0; cursor.next()) {
        if (cursor.ordinal >= endOrdinal && cursor.block >= endBlock) break;
        if (left-- === 0) break;
        const { kind } = cursor;
        if (kind <= MappingKind.unmap) {
          cursor.skip();
          if (wantsMappings) mappings.add(cursor, ordinalAt(), runAt());
        } else if (wanted[kind] === 0) {
          cursor.skip();
        } else {
          const [index, runIndex] = [ordinalAt(), runAt()];
          const note = readNote(record, cursor);
          if (!isSliceNote(note)) throw new Error(`internal: a slice with notes "${note.kind}"`);
          notes.push({ ...note, index, runIndex });
        }
      }
      return {
        ...(wantedNotes === undefined ? {} : { notes }),
        ...(wantsMappings ? { mappings: mappings.take() } : {}),
      };
    },
  };
}

function isSliceNote(
  note: TraceNote,
): note is Extract<TraceNote, { readonly kind: SliceNoteName }> {
  return !MAPPING_NOTES.has(note.kind);
}
