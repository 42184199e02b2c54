// SPDX-License-Identifier: Apache-2.0
// What the engine runs: an analysis of block executions and their accesses that may be split between chunks
// anywhere. The law: however the chunks are shared out, merging the parts gives the same result.

import type { ExecutionBatch, Trace } from '../format/index.ts';

/** What an analysis may know of a trace beside its batches. */
export type TraceFacts = Pick<Trace, 'code' | 'chunks' | 'capabilities' | 'complete'>;

/**
 * State is what one thread keeps, of any kind; Part is what is left of it when its chunks are done, plain data
 * that can be sent to another thread. No I/O, no clock, no printing.
 */
export interface Consumer<State, Part, Result> {
  init(trace: TraceFacts): State;
  consume(state: State, batch: ExecutionBatch): void;
  /** Ends the state. */
  harvest(state: State): Part;
  /** Adds b to a and returns a; b is not to be used any more. */
  merge(a: Part, b: Part): Part;
  finish(total: Part, trace: TraceFacts): Result;
}
