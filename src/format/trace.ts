// SPDX-License-Identifier: Apache-2.0
// An open trace: what it says of itself, and iteration over what it holds.

import { type AccessBatch, type ColumnName, needsAddresses } from './access-batch.ts';
import type { ByteSource } from './byte-source.ts';
import type { ChunkInfo } from './chunk-header.ts';
import { loadChunks } from './chunk-payloads.ts';
import type { CodeTable } from './code-table.ts';
import { withKernel } from './kernel-pool.ts';
import type { Capabilities, TraceHeader, TraceTotals } from './metadata.ts';
import {
  type AccessOptions,
  type AccessPlan,
  type DefaultColumns,
  decodeAccesses,
  planAccesses,
  selectChunks,
} from './read-accesses.ts';
import {
  type BlockBatch,
  type BlockOptions,
  decodeBlocks,
  planBlocks,
  selectChunksOfBlocks,
} from './read-blocks.ts';
import {
  decodeNotes,
  type NoteOptions,
  type NotePlan,
  planNotes,
  type TraceNote,
} from './read-notes.ts';
import { decodeSlices, planSlices, type SliceOptions, type TraceSlice } from './read-slices.ts';
import { requireWhole, takeInventory } from './request.ts';
import { type LearnedOfTrace, type SharedTrace, shareTrace } from './shared-trace.ts';
import { surveyTrace, type TraceCut } from './survey.ts';

/** Sums over the chunks of a trace. */
export interface TraceSummary {
  readonly instructions: number;
  /** Loads, stores and aborted accesses. */
  readonly accesses: number;
  readonly loads: number;
  readonly stores: number;
  readonly aborted: number;
  readonly userAccesses: number;
  /** Block executions. */
  readonly blocks: number;
  readonly events: number;
  readonly chunks: number;
  readonly streams: number;
}

/** Trace.accesses(): a batch has the columns that were asked for, as far as the compiler can know them. */
export interface ReadAccesses {
  <const C extends readonly ColumnName[]>(
    options: AccessOptions<C> & { readonly columns: C },
  ): AsyncIterable<AccessBatch<C>>;
  (
    options?: AccessOptions & { readonly columns?: undefined },
  ): AsyncIterable<AccessBatch<DefaultColumns>>;
  (options?: AccessOptions): AsyncIterable<AccessBatch>;
}

export interface Trace {
  readonly path: string;
  readonly fileBytes: number;
  /** It was closed in an orderly way and its structure is whole. Chunk contents are checked when read. */
  readonly complete: boolean;
  /** Where it stops being good, when it is not complete. */
  readonly cut: TraceCut | undefined;
  readonly header: TraceHeader;
  readonly totals: TraceTotals | undefined;
  /** What the trace can and cannot say. */
  readonly capabilities: Capabilities;
  readonly code: CodeTable;
  /** In file order. */
  readonly chunks: readonly ChunkInfo[];
  summary(): TraceSummary;
  /**
   * Batches of accesses in the order in which they were made: the exact global order when the trace has
   * one stream, else stream by stream. Throws 'bad-argument' and 'missing-capability' at once; while
   * iterating 'checksum', 'corrupt', 'count-mismatch', 'limit', 'io', and the reason of an aborted signal.
   */
  readonly accesses: ReadAccesses;
  /** Batches of block executions. Throws as accesses() does. */
  blocks(options?: BlockOptions): AsyncIterable<BlockBatch>;
  /**
   * Notes with their places, stream by stream. Throws 'bad-argument' at once, also for a stream that the
   * trace does not have; while iterating as accesses() does.
   */
  notes(options?: NoteOptions): AsyncIterable<TraceNote>;
  /** Accesses, block executions, notes and mappings together, chunk by chunk. Throws as accesses() does. */
  slices(options: SliceOptions): AsyncIterable<TraceSlice>;
  /**
   * What other threads of this process open the trace with, openSharedTrace(), instead of reading and checking its structure
   * once more.
   */
  share(): SharedTrace;
  close(): Promise<void>;
}

/** Decodes these chunks in worker threads; Node's entry provides one. */
export type ParallelDecoder = (
  chunkIndexes: readonly number[],
  plan: AccessPlan,
  workers: number,
  signal: AbortSignal | undefined,
) => AsyncIterable<AccessBatch>;

/** Reads what is where. Throws 'not-a-trace', 'newer-format', 'truncated', 'checksum', 'corrupt', 'limit', 'io'. */
export async function openTraceSource(
  source: ByteSource,
  parallel?: ParallelDecoder,
): Promise<Trace> {
  return traceOf(source, await surveyTrace(source), parallel);
}

/** A trace of which everything is known but its chunks' contents. */
export function traceOf(
  source: ByteSource,
  survey: LearnedOfTrace,
  parallel?: ParallelDecoder,
): Trace {
  const capabilities = survey.totals?.capabilities ?? survey.header.capabilities;
  const chunks = survey.chunks.map((record) => record.info);
  const inventory = takeInventory(survey.header, survey.totals, chunks);
  function accesses<const C extends readonly ColumnName[]>(
    options: AccessOptions<C> & { readonly columns: C },
  ): AsyncIterable<AccessBatch<C>>;
  function accesses(
    options?: AccessOptions & { readonly columns?: undefined },
  ): AsyncIterable<AccessBatch<DefaultColumns>>;
  function accesses(options?: AccessOptions): AsyncIterable<AccessBatch>;
  function accesses(options: AccessOptions = {}): AsyncIterable<AccessBatch> {
    const plan = planAccesses(options, capabilities, inventory);
    const workers = requireWhole(options.workers ?? 0, 'workers');
    if (parallel !== undefined && workers > 0) {
      const wanted = selectChunks(survey.chunks, plan).map(({ info }) => info.chunkIndex);
      return parallel(wanted, plan, workers, options.signal);
    }
    return iterateAccesses(source, survey, plan, options.signal);
  }
  return {
    path: source.name,
    fileBytes: source.byteLength,
    complete: survey.complete,
    cut: survey.cut,
    header: survey.header,
    totals: survey.totals,
    capabilities,
    code: survey.code.table,
    chunks,
    summary: () => summarize(survey),
    accesses,
    blocks(options = {}) {
      const plan = planBlocks(options, inventory);
      const records = selectChunksOfBlocks(survey.chunks, plan);
      return withKernel(survey.code, async function* (kernel) {
        for await (const { record, payload } of loadChunks(source, records, options.signal)) {
          kernel.load(record, payload, false);
          yield* decodeBlocks(kernel, record, plan);
        }
      });
    },
    notes(options = {}) {
      const plan = planNotes(options, streamsOf(survey));
      return iterateNotes(source, survey, plan, options.signal);
    },
    slices(options) {
      const plan = planSlices(options, capabilities, survey.chunks);
      return withKernel(survey.code, async function* (kernel) {
        for await (const { record, payload } of loadChunks(source, plan.records, options.signal)) {
          if (!plan.notesOnly) kernel.load(record, payload, needsAddresses(plan.columns));
          for (const slice of decodeSlices(kernel, record, payload, plan)) {
            yield slice;
            options.signal?.throwIfAborted();
          }
        }
      });
    },
    share: () => shareTrace(source.name, survey),
    close: () => source.close(),
  };
}

function iterateAccesses(
  source: ByteSource,
  survey: LearnedOfTrace,
  plan: AccessPlan,
  signal: AbortSignal | undefined,
): AsyncIterable<AccessBatch> {
  const records = selectChunks(survey.chunks, plan);
  return withKernel(survey.code, async function* (kernel) {
    for await (const { record, payload } of loadChunks(source, records, signal)) {
      kernel.load(record, payload, needsAddresses(plan.columns));
      for (const batch of decodeAccesses(kernel, record, plan)) {
        yield batch;
        signal?.throwIfAborted();
      }
    }
  });
}

async function* iterateNotes(
  source: ByteSource,
  survey: LearnedOfTrace,
  { stream, kinds }: NotePlan,
  signal: AbortSignal | undefined,
): AsyncGenerator<TraceNote, void, undefined> {
  const records = survey.chunks
    .filter(({ info }) => info.noteCount > 0)
    .filter(({ info }) => stream === undefined || info.stream === stream)
    .sort((a, b) => a.info.stream - b.info.stream || a.info.chunkIndex - b.info.chunkIndex);
  for await (const { record, payload } of loadChunks(source, records, signal)) {
    yield* decodeNotes(record, payload, kinds);
  }
}

/** A stream without a chunk is known from the totals. */
function streamsOf({ chunks, totals }: LearnedOfTrace): Set<number> {
  return new Set([
    ...chunks.map(({ info }) => info.stream),
    ...(totals?.streams ?? []).map(({ stream }) => stream),
  ]);
}

function summarize({ chunks }: LearnedOfTrace): TraceSummary {
  const sum = (pick: (info: ChunkInfo) => number): number =>
    chunks.reduce((total, { info }) => total + pick(info), 0);
  return {
    instructions: sum((info) => info.instructionCount),
    accesses: sum((info) => info.accessCount),
    loads: sum((info) => info.loads),
    stores: sum((info) => info.stores),
    aborted: sum((info) => info.aborted),
    userAccesses: sum((info) => info.userAccesses),
    blocks: sum((info) => info.blockCount),
    events: sum((info) => info.events),
    chunks: chunks.length,
    streams: new Set(chunks.map(({ info }) => info.stream)).size,
  };
}
