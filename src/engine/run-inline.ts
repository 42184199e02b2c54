// SPDX-License-Identifier: Apache-2.0

import type { Trace } from '../format/index.ts';
import type { Consumer } from './consumer.ts';

export interface RunOptions {
  /** Called as chunks are done: accesses of them, and of the whole trace. */
  readonly onProgress?: (doneAccesses: number, allAccesses: number) => void;
  readonly signal?: AbortSignal;
}

/** Runs a consumer in this thread. Throws as Trace.executions() does. */
export async function runInline<State, Part, Result>(
  trace: Trace,
  consumer: Consumer<State, Part, Result>,
  options: RunOptions = {},
): Promise<Result> {
  const state = consumer.init(trace);
  const progress = progressOf(trace, options);
  for (const { chunkIndex } of trace.chunks) {
    options.signal?.throwIfAborted();
    await consumeChunk(trace, consumer, state, chunkIndex);
    progress(chunkIndex);
  }
  return consumer.finish(consumer.harvest(state), trace);
}

export async function consumeChunk<State>(
  trace: Trace,
  consumer: Pick<Consumer<State, unknown, unknown>, 'consume'>,
  state: State,
  chunk: number,
): Promise<void> {
  for await (const batch of trace.executions({ chunk })) consumer.consume(state, batch);
}

/** Called with each chunk that is done. */
export function progressOf(trace: Trace, options: RunOptions): (chunkIndex: number) => void {
  const all = trace.chunks.reduce((sum, { accessCount }) => sum + accessCount, 0);
  let done = 0;
  return (chunkIndex) => {
    done += trace.chunks[chunkIndex]?.accessCount ?? 0;
    options.onProgress?.(done, all);
  };
}
