// SPDX-License-Identifier: Apache-2.0
// Decodes chunks in worker threads and gives their batches in order. Worker n of w has the chunks n,
// n + w, n + 2w ... of the plan; it may run ahead by LOOK_AHEAD_BYTES of batches, then waits for the
// reader. Columns are sent, not copied back: each batch has memory of its own.

import { Worker } from 'node:worker_threads';
import { errorOfFailure, type TraceFailure } from '../base/index.ts';
import type { AccessBatch } from './access-batch.ts';
import type { AccessPlan } from './read-accesses.ts';

/** Of all workers together: two default chunks. */
const LOOK_AHEAD_BYTES = 2 ** 28;

/** What a worker is started with. */
export interface WorkerTask {
  readonly path: string;
  readonly plan: AccessPlan;
  /** Chunk numbers, in the order in which they are wanted. */
  readonly chunkIndexes: readonly number[];
  readonly lookAheadBytes: number;
}

export type WorkerMessage =
  | { readonly type: 'batch'; readonly batch: AccessBatch; readonly byteCount: number }
  | { readonly type: 'chunk-end' }
  | TraceFailure;

/** Sent back for each batch that the reader has taken: its bytes. */
export type WorkerCredit = number;

export async function* decodeInWorkers(
  path: string,
  chunkIndexes: readonly number[],
  plan: AccessPlan,
  workers: number,
  signal: AbortSignal | undefined,
  workerUrl: URL = new URL('./decode.worker.node.js', import.meta.url),
): AsyncGenerator<AccessBatch, void, undefined> {
  const count = Math.min(workers, chunkIndexes.length);
  const lanes = Array.from({ length: count }, (_, lane) =>
    startLane(workerUrl, {
      path,
      plan,
      chunkIndexes: chunkIndexes.filter((_chunk, i) => i % count === lane),
      lookAheadBytes: LOOK_AHEAD_BYTES / count,
    }),
  );
  try {
    for (let i = 0; i < chunkIndexes.length; i++) {
      const lane = lanes[i % count];
      for (;;) {
        signal?.throwIfAborted();
        const message = await lane.next();
        if (message.type === 'chunk-end') break;
        if (message.type === 'failure') throw errorOfFailure(message);
        yield message.batch;
        lane.giveCredit(message.byteCount);
      }
    }
  } finally {
    await Promise.all(lanes.map((lane) => lane.stop()));
  }
}

interface Lane {
  next(): Promise<WorkerMessage>;
  giveCredit(byteCount: WorkerCredit): void;
  stop(): Promise<unknown>;
}

function startLane(workerUrl: URL, task: WorkerTask): Lane {
  const worker = new Worker(workerUrl, { workerData: task });
  const ready: WorkerMessage[] = [];
  let waiting: { resolve: (m: WorkerMessage) => void; reject: (e: Error) => void } | undefined;
  let broken: Error | undefined;
  const fail = (error: Error): void => {
    broken ??= error;
    waiting?.reject(broken);
    waiting = undefined;
  };
  worker.on('message', (message: WorkerMessage) => {
    if (waiting === undefined) ready.push(message);
    else {
      waiting.resolve(message);
      waiting = undefined;
    }
  });
  worker.on('error', fail);
  worker.on('exit', () => {
    fail(new Error('internal: a decoding thread ended too early'));
  });
  return {
    next: async () => {
      const message = ready.shift();
      if (message !== undefined) return message;
      if (broken !== undefined) throw broken;
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
      });
    },
    giveCredit: (byteCount) => {
      worker.postMessage(byteCount, []);
    },
    stop: () => worker.terminate(),
  };
}
