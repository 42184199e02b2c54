// SPDX-License-Identifier: Apache-2.0
// Runs a consumer in worker threads. A thread is given one chunk after the other, as it gets ready, and
// sends its part when there are none left: memory does not grow with the trace.

import { Worker } from 'node:worker_threads';
import { TraceError, type TraceErrorFacts, type TraceErrorKind } from '../base/index.ts';
import { openTrace } from '../format/index.ts';
import type { Consumer } from './consumer.ts';
import { progressOf, type RunOptions, runInline } from './run-inline.ts';

export interface WorkerRunOptions extends RunOptions {
  /** Threads; 0: run in this one. */
  readonly workers: number;
  /** A module that calls serveChunks() with the same consumer. */
  readonly workerUrl: URL;
}

/** What a thread is started with. */
export interface ShardTask {
  readonly path: string;
}

/** Number of the next chunk; undefined: there are none left. */
export type ShardOrder = number | undefined;

export type ShardMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'done'; readonly chunk: number }
  | { readonly type: 'part'; readonly part: unknown }
  | {
      readonly type: 'failure';
      readonly kind: TraceErrorKind;
      readonly message: string;
      readonly facts: TraceErrorFacts;
    };

/** Opens the trace and runs the consumer over all of it. Throws as openTrace() and Trace.executions() do. */
export async function runInWorkers<State, Part, Result>(
  path: string,
  consumer: Consumer<State, Part, Result>,
  isPart: (value: unknown) => value is Part,
  options: WorkerRunOptions,
): Promise<Result> {
  const trace = await openTrace(path);
  try {
    const count = Math.min(options.workers, trace.chunks.length);
    if (count === 0) return await runInline(trace, consumer, options);
    const progress = progressOf(trace, options);
    const chunks = trace.chunks.map(({ chunkIndex }) => chunkIndex);
    const parts = await runShards(path, chunks, count, isPart, progress, options);
    const [first, ...others] = parts;
    if (first === undefined) throw new Error('internal: no thread sent its part');
    const total = others.reduce((sum, part) => consumer.merge(sum, part), first);
    return consumer.finish(total, trace);
  } finally {
    await trace.close();
  }
}

async function runShards<Part>(
  path: string,
  chunks: readonly number[],
  count: number,
  isPart: (value: unknown) => value is Part,
  progress: (chunk: number) => void,
  { workerUrl, signal }: WorkerRunOptions,
): Promise<readonly Part[]> {
  signal?.throwIfAborted();
  const queue = chunks.values();
  const task: ShardTask = { path };
  const workers = Array.from({ length: count }, () => new Worker(workerUrl, { workerData: task }));
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    signal?.addEventListener('abort', onAbort);
  });
  try {
    const parts = Promise.all(
      workers.map(async (worker) => shardPart(worker, queue, isPart, progress)),
    );
    return await Promise.race([parts, aborted]);
  } finally {
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    await Promise.all(workers.map(async (worker) => worker.terminate()));
  }
}

async function shardPart<Part>(
  worker: Worker,
  queue: Iterator<number, undefined>,
  isPart: (value: unknown) => value is Part,
  progress: (chunk: number) => void,
): Promise<Part> {
  return new Promise((resolve, reject) => {
    const order = (): void => {
      const next: ShardOrder = queue.next().value;
      worker.postMessage(next, []);
    };
    worker.on('message', (message: ShardMessage) => {
      switch (message.type) {
        case 'done':
          progress(message.chunk);
          order();
          break;
        case 'ready':
          order();
          break;
        case 'part':
          if (isPart(message.part)) resolve(message.part);
          else reject(new Error('internal: a thread sent something else than its part'));
          break;
        case 'failure':
          reject(new TraceError(message.kind, message.message, message.facts));
          break;
      }
    });
    worker.on('error', reject);
    worker.on('exit', () => {
      reject(new Error('internal: an analysing thread ended too early'));
    });
  });
}
