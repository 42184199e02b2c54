// SPDX-License-Identifier: Apache-2.0
// What an analysis is: plain functions over a plain state, which the engine runs over the chunks of a trace,
// in this thread or in several. Parameters, state and result are data that can be sent between threads
// (structured clone): numbers, strings, arrays, maps, typed arrays; no functions and no class instances.

import type {
  Capabilities,
  CapabilityName,
  ChunkInfo,
  CodeTable,
  ColumnName,
  SliceNoteName,
} from '../format/index.ts';
import type { AccessColumns } from './access-columns.ts';

/** What an analysis is told of the trace before it sees any of it. */
export interface TraceShape {
  /** Entries of the code table: block ids are below it. */
  readonly blockCount: number;
  /** vCPU numbers are below it. */
  readonly vcpuCount: number;
  /**
   * Number of each block's first instruction when all are counted through; blockCount + 1 elements, the last
   * is their total. Instruction i of a block is insnBase[block] + i. A block without code has one.
   */
  readonly insnBase: Uint32Array;
  /** Privilege that each block runs at, 0 to 3; 255 when it is not known. */
  readonly blockCpl: Uint8Array;
  /** The code itself: its bytes are in memory that threads share, the object is each thread's, not for what harvest gives. */
  readonly code: CodeTable;
  readonly chunks: readonly ChunkInfo[];
  readonly capabilities: Capabilities;
  /** False: recording was cut, the end is missing. */
  readonly complete: boolean;
}

/** Which part of an ordered analysis a state is for. Shard 0 of 1 is all of it. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

interface AnalysisCore<P, S, R, D> {
  /** Of the registry and of results: "counts". */
  readonly name: string;
  /** Columns of accesses that consume reads. Fewer are faster. */
  readonly columns: readonly ColumnName[];
  /** Without these the trace cannot be analysed at all. */
  readonly requires?: readonly CapabilityName[];
  /** It reads block executions too: AccessColumns.runs. */
  readonly runs?: boolean;
  /** It gets aborted accesses too, of instructions that did not complete. */
  readonly aborted?: boolean;
  /** It reads these notes too: AccessColumns.notes. */
  readonly notes?: readonly SliceNoteName[];
  /**
   * It reads what is told of translations: AccessColumns.mappings. Also in the chunks that a selection passes over, up to
   * the last one that it wants, with its notes: what a trace told before still counts. Those come in their order, in
   * stretches without accesses and block executions.
   */
  readonly mappings?: boolean;
  /** A state that has seen nothing. */
  init(parameters: P, trace: TraceShape, shard: Shard): S;
  /**
   * Takes a stretch of the trace: accesses that were selected, aborted ones only where the analysis asks for
   * them. The columns are overwritten afterwards: what is kept is copied.
   */
  consume(state: S, batch: AccessColumns): void;
  /**
   * Called once on each state when it has seen all it will see. For one that is not data while it consumes,
   * such as one in WebAssembly's memory: what is returned is data, and merge and finish take that. Without it
   * the state itself is the data. `stays`: it is not sent to another thread, so that it may look into that memory.
   */
  harvest?(state: S, stays?: boolean): D;
  /** What both have seen, in either of them or a third; neither is used any more. */
  merge(a: D, b: D): D;
  /** The figures, as data that JSON can say. Called once: `data` is not used any more, and may become part of them. */
  finish(data: D, trace: TraceShape): R;
}

/**
 * Order of the stretches does not matter: "split anywhere, merge, same answer". A state sees any stretches,
 * in any order.
 */
export interface FreeAnalysis<P, S, R, D = S> extends AnalysisCore<P, S, R, D> {
  readonly order: 'any';
}

/**
 * A part of an ordered analysis's work that needs nothing of what came before a chunk, and should be most of it:
 * threads digest chunks in any order, each from nothing, and the state absorbs what they came to in the order of the
 * trace. The same answer, whether chunks were digested or consumed, and however they are cut.
 */
export interface Digesting<P, S, G, D> {
  /** These parameters allow it. */
  isPossible(parameters: P, trace: TraceShape): boolean;
  /** A digester, which has seen nothing; of one thread, for one chunk after the other. */
  init(parameters: P, trace: TraceShape): G;
  /** Takes a stretch of the chunk. */
  consume(digester: G, batch: AccessColumns): void;
  /** What the chunk came to, as data of its own that can be sent to another thread; the digester begins anew. */
  take(digester: G): D;
  /** Takes what the next chunk came to. The state was made with shard 0 of 1. */
  absorb(state: S, digest: D): void;
}

/**
 * Each state sees the stretches in the order of the trace, from its beginning: all accesses that are its
 * shard's business. Merging puts shards together.
 */
export interface ShardedAnalysis<P, S, R, D = S> extends AnalysisCore<P, S, R, D> {
  readonly order: 'per-shard';
  /**
   * The most shards that these parameters allow and that pay with so many threads, a power of two from 1 to 8: 1
   * when all depends on all. Parting costs about as much as decoding.
   */
  shardLimit(parameters: P, trace: TraceShape, threads: number): number;
  /**
   * Writes to masks[i], for each access of the stretch, the shards that it concerns: bit n for shard n. An
   * access that concerns two, such as one that crosses a line, is seen by both; each then takes its own part.
   * Block executions and notes are seen by all shards. Not called with one shard.
   */
  shardMasks(parameters: P, batch: AccessColumns, shardCount: number, masks: Uint8Array): void;
  /** Used instead of shards where it is possible. */
  readonly digesting?: Digesting<P, S, unknown, unknown>;
}

export type Analysis<P, S, R, D = S> = FreeAnalysis<P, S, R, D> | ShardedAnalysis<P, S, R, D>;
