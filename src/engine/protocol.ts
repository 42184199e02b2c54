// SPDX-License-Identifier: Apache-2.0
// What the coordinator of a pass and its worker threads say to each other.

import type { AccessColumns, Selection } from '../analysis/index.ts';
import type { SharedTrace, SliceOptions } from '../format/index.ts';
import type { SelectedCounts, SharedShape } from './pass.ts';

/** What a worker is told first. */
export interface WorkerTask {
  readonly trace: SharedTrace;
  readonly shape: SharedShape;
  readonly plan: SharedPlan;
}

/** The plan of a pass as its threads know it. */
export interface SharedPlan {
  readonly selection: Selection;
  readonly slices: Pick<SliceOptions, 'columns' | 'runs' | 'notes' | 'mappings'>;
  /** Where any order will do, as they are taken: take-order.ts. */
  readonly chunks: readonly number[];
  /** Chunks of which only mappings are read: PassPlan.notesOnly. */
  readonly notesOnly: readonly number[];
  readonly requests: readonly WorkerRequest[];
}

export interface WorkerRequest {
  readonly name: string;
  readonly moduleUrl: string | undefined;
  readonly parameters: unknown;
  readonly share: WorkShare;
}

/** How the work of an analysis is shared among threads. */
export type WorkShare =
  /** It takes chunks in any order: a state in every thread. */
  | { readonly by: 'chunks' }
  /** Chunks are digested in any order, the coordinator absorbs what they come to. */
  | { readonly by: 'digests' }
  /** A state for each shard, in a thread of its own. */
  | {
      readonly by: 'shards';
      readonly count: number;
      /** Which shard this worker consumes; undefined: none. */
      readonly index: number | undefined;
    };

export type WorkerOrder =
  /** Take one of the plan's chunks after the other as long as there are any: `taken` of them are, by all threads. */
  | { readonly type: 'take'; readonly taken: Int32Array }
  /** Decode this chunk: analyses that are shared by chunks consume it, for others it is digested or parted. */
  | { readonly type: 'decode'; readonly chunkIndex: number }
  /** Consume the worker's shards of a chunk; stretches by request, undefined where it has no shard. */
  | { readonly type: 'consume'; readonly stretches: ShardStretches }
  /** All threads have consumed what this one parted of the chunk: its memory is free. */
  | { readonly type: 'release'; readonly chunkIndex: number }
  | { readonly type: 'finish' };

/** By request; undefined where there is none. */
export type ShardStretches = readonly (readonly PartedStretch[] | undefined)[];

/** Columns in shared memory. */
export interface PartedStretch {
  /** Without its notes when those are packed. */
  readonly columns: AccessColumns;
  /**
   * The notes, by v8.serialize, in shared memory too: there may be hundreds of thousands in a chunk, which as objects
   * would be in the memory of every thread that they pass through.
   */
  readonly packedNotes: Uint8Array | undefined;
}

export type WorkerReport =
  | {
      readonly type: 'decoded';
      readonly chunkIndex: number;
      /** By request, by shard; undefined for analyses that have none. */
      readonly shards: readonly (readonly (readonly PartedStretch[])[] | undefined)[];
      /** By request; undefined for analyses that are not digested. */
      readonly digests: readonly unknown[];
      /** What the digests take. */
      readonly digestBytes: number;
    }
  /** A chunk is done that all analyses share by chunks. */
  | { readonly type: 'taken' }
  | { readonly type: 'consumed' }
  /** States by request; undefined where the worker has none. */
  | {
      readonly type: 'finished';
      readonly states: readonly unknown[];
      readonly selected: SelectedCounts;
    };
