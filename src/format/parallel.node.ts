// SPDX-License-Identifier: Apache-2.0
// Decodes chunks in worker threads and gives their batches in order. Worker n of w has the chunks n,
// n + w, n + 2w ... of the plan; it may run ahead by LOOK_AHEAD_BYTES of batches, then waits for the
// reader. Columns are sent, not copied back: each batch has memory of its own.

import { requireDefined, type TraceFailure } from '../base/index.ts';
import type { AccessBatch } from './access-batch.ts';
import type { AccessPlan } from './read-accesses.ts';
import { nextReport, startThread } from './worker-thread.node.ts';

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

type WorkerReport =
  | { readonly type: 'batch'; readonly batch: AccessBatch; readonly byteCount: number }
  | { readonly type: 'chunk-end' };

export type WorkerMessage = WorkerReport | TraceFailure;

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
  const threads = Array.from({ length: count }, (_, first) => {
    const task: WorkerTask = {
      path,
      plan,
      chunkIndexes: chunkIndexes.filter((_chunk, i) => i % count === first),
      lookAheadBytes: LOOK_AHEAD_BYTES / count,
    };
    return startThread<WorkerCredit, WorkerReport>(workerUrl, 'a decoding thread', task);
  });
  try {
    for (let i = 0; i < chunkIndexes.length; i++) {
      const thread = requireDefined(threads[i % count], 'there are count threads');
      for (;;) {
        const { report } = await nextReport([thread], signal);
        if (report.type === 'chunk-end') break;
        yield report.batch;
        thread.order(report.byteCount);
      }
    }
  } finally {
    await Promise.all(threads.map((thread) => thread.stop()));
  }
}
