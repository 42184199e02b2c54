// SPDX-License-Identifier: Apache-2.0
// A pass in worker threads. Chunks are dealt out as threads become free; each is decoded once. Analyses that
// take them in any order have a state in every thread. Of an ordered analysis each thread has a shard at most:
// the thread that decodes a chunk parts it by shard into shared memory, and every thread consumes its
// shards of all chunks in the order of the trace. Decoding runs ahead of that by a bounded number of chunks.

import { Worker } from 'node:worker_threads';
import type { TraceShape } from '../analysis/index.ts';
import { requireDefined, TraceError } from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import type { WorkerOptions } from './analyse.ts';
import {
  type AnyRequest,
  addSelected,
  NOTHING_SELECTED,
  type PassOutcome,
  type PassPlan,
} from './pass.ts';
import type { ShardStretches, WorkerOrder, WorkerReport, WorkerTask } from './protocol.ts';

/** Of parted chunks that wait to be consumed, all together. */
const LOOK_AHEAD_BYTES = 2 ** 28;
/** Orders to decode that a thread has at a time: one it works on, one that waits. */
const DECODE_ORDERS = 2;
const SHARD_LIMIT = 8;

export async function runInWorkers(
  trace: Trace,
  shape: TraceShape,
  plan: PassPlan,
  { workers, workerUrl, lookAheadBytes = LOOK_AHEAD_BYTES, onProgress, signal }: WorkerOptions,
): Promise<PassOutcome> {
  const url = workerUrl ?? new URL('./analysis.worker.node.js', import.meta.url);
  const threadCount = Math.max(1, Math.min(workers, plan.chunks.length));
  const shardCounts = plan.requests.map((request) => countShards(request, shape, threadCount));
  const isOrdered = shardCounts.some((count) => count > 0);
  const lookAhead = isOrdered
    ? lookAheadOf(trace, plan, threadCount, lookAheadBytes)
    : plan.chunks.length;
  const threads = Array.from({ length: threadCount }, (_, thread) =>
    startThread(url, {
      path: trace.path,
      selection: plan.selection,
      slices: plan.slices,
      requests: plan.requests.map(({ analysis, parameters, moduleUrl }, i) => {
        const shardCount = requireDefined(shardCounts[i], 'one for each request');
        const shard = thread < shardCount ? thread : undefined;
        return { name: analysis.name, moduleUrl, parameters, shardCount, shard };
      }),
    }),
  );
  try {
    return await conduct(threads, plan, isOrdered, lookAhead, onProgress, signal);
  } finally {
    await Promise.all(threads.map((thread) => thread.stop()));
  }
}

function countShards(request: AnyRequest, shape: TraceShape, threadCount: number): number {
  const { analysis, parameters } = request;
  if (analysis.order === 'any') return 0;
  const limit = Math.min(SHARD_LIMIT, threadCount, analysis.shardLimit(parameters, shape));
  return 2 ** Math.floor(Math.log2(Math.max(1, limit)));
}

function lookAheadOf(
  trace: Trace,
  plan: PassPlan,
  threadCount: number,
  lookAheadBytes: number,
): number {
  const largest = plan.chunks.reduce(
    (most, index) => Math.max(most, trace.chunks[index]?.accessCount ?? 0),
    1,
  );
  const held = Math.floor(lookAheadBytes / (largest * partedBytes(plan)));
  return Math.max(2, Math.min(held, threadCount * DECODE_ORDERS + 1));
}

/** Bytes that an access takes in parted chunks, about. */
function partedBytes({ requests }: PassPlan): number {
  return requests
    .filter(({ analysis }) => analysis.order === 'per-shard')
    .flatMap(({ analysis }) => [...analysis.columns, ...(analysis.runs === true ? ['runs'] : [])])
    .reduce((sum, column) => sum + (COLUMN_BYTES[column] ?? WIDE_BYTES), 0);
}

/** Of the columns that are narrower than 64 bits; block executions by access, about. */
const COLUMN_BYTES: Readonly<Record<string, number>> = {
  ...{ size: 1, flags: 1, cpl: 1, vcpu: 2, insn: 2, block: 4, runs: 12 },
};
const WIDE_BYTES = 8;

/** Deals out the chunks, passes on what is parted, and collects the states. */
async function conduct(
  threads: readonly Thread[],
  plan: PassPlan,
  isOrdered: boolean,
  lookAhead: number,
  onProgress: ((part: number) => void) | undefined,
  signal: AbortSignal | undefined,
): Promise<PassOutcome> {
  const { chunks } = plan;
  const places = new Map(chunks.map((chunkIndex, place) => [chunkIndex, place]));
  /** Parted chunks by place that wait for the ones before them. */
  const parted = new Map<number, readonly ShardStretches[]>();
  const decoding = threads.map(() => 0);
  const consumedBy = threads.map(() => 0);
  let nextDecode = 0;
  let nextConsume = 0;
  let decodedCount = 0;
  /** By place: the thread that parted the chunk. */
  const partedBy: number[] = [];
  let released = 0;

  const dealOut = (): void => {
    const consumed = isOrdered ? Math.min(...consumedBy) : decodedCount;
    for (let spare = 0; spare < DECODE_ORDERS; spare++) {
      for (const [at, thread] of threads.entries()) {
        const chunkIndex = chunks[nextDecode];
        if (chunkIndex === undefined || nextDecode >= consumed + lookAhead) return;
        if ((decoding[at] ?? 0) > spare) continue;
        decoding[at] = (decoding[at] ?? 0) + 1;
        partedBy[nextDecode] = at;
        nextDecode++;
        thread.order({ type: 'decode', chunkIndex });
      }
    }
  };
  const passOn = (): void => {
    for (
      let ready = parted.get(nextConsume);
      ready !== undefined;
      ready = parted.get(nextConsume)
    ) {
      parted.delete(nextConsume);
      for (const [at, thread] of threads.entries()) {
        thread.order({ type: 'consume', stretches: ready[at] ?? [] });
      }
      nextConsume++;
    }
  };
  const isDone = (): boolean =>
    decodedCount === chunks.length &&
    (!isOrdered || consumedBy.every((count) => count === chunks.length));

  dealOut();
  while (!isDone()) {
    const { thread, report } = await nextReport(threads, signal);
    if (report.type === 'decoded') {
      decoding[thread] = (decoding[thread] ?? 0) - 1;
      decodedCount++;
      const place = requireDefined(places.get(report.chunkIndex), 'it was dealt out');
      if (isOrdered) {
        parted.set(
          place,
          threads.map((_, shard) => report.shards.map((byShard) => byShard?.[shard])),
        );
        passOn();
      } else {
        onProgress?.(decodedCount / chunks.length);
      }
    } else if (report.type === 'consumed') {
      consumedBy[thread] = (consumedBy[thread] ?? 0) + 1;
      for (; released < Math.min(...consumedBy); released++) {
        const chunkIndex = requireDefined(chunks[released], 'it was consumed');
        threads[partedBy[released] ?? 0]?.order({ type: 'release', chunkIndex });
      }
      onProgress?.(Math.min(...consumedBy) / chunks.length);
    }
    dealOut();
  }
  return collect(threads, plan, signal);
}

async function collect(
  threads: readonly Thread[],
  plan: PassPlan,
  signal: AbortSignal | undefined,
): Promise<PassOutcome> {
  const states: unknown[] = plan.requests.map(() => undefined);
  let selected = NOTHING_SELECTED;
  // One after the other: no more than two states of an analysis are here at a time.
  for (const thread of threads) {
    thread.order({ type: 'finish' });
    const { report } = await nextReport([thread], signal);
    if (report.type !== 'finished') throw new Error('internal: a thread did not finish');
    selected = addSelected(selected, report.selected);
    plan.requests.forEach(({ analysis }, i) => {
      const state = report.states[i];
      if (state === undefined) return;
      states[i] = states[i] === undefined ? state : analysis.merge(states[i], state);
    });
  }
  return { states, selected };
}

/** The next report of any thread. Throws what one failed with, and the reason of an aborted signal. */
async function nextReport(
  threads: readonly Thread[],
  signal: AbortSignal | undefined,
): Promise<{ readonly thread: number; readonly report: WorkerReport }> {
  for (;;) {
    signal?.throwIfAborted();
    for (const [thread, { reports, broken }] of threads.entries()) {
      const report = reports.shift();
      if (report !== undefined) {
        if (report.type !== 'failure') return { thread, report };
        throw new TraceError(report.kind, report.message, report.facts);
      }
      const error = broken();
      if (error !== undefined) throw error;
    }
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      for (const { onWake } of threads) onWake(wake);
      signal?.addEventListener('abort', wake);
    });
  }
}

interface Thread {
  readonly order: (order: WorkerOrder) => void;
  /** What it has reported and nobody has read. */
  readonly reports: WorkerReport[];
  readonly broken: () => Error | undefined;
  /** Calls this when there is a report or the thread breaks; replaces an earlier one. */
  readonly onWake: (wake: () => void) => void;
  readonly stop: () => Promise<unknown>;
}

function startThread(workerUrl: URL, task: WorkerTask): Thread {
  const worker = new Worker(workerUrl, { workerData: task });
  const reports: WorkerReport[] = [];
  let error: Error | undefined;
  let wake: (() => void) | undefined;
  let isFinished = false;
  worker.on('message', (report: WorkerReport) => {
    isFinished = report.type === 'finished';
    reports.push(report);
    wake?.();
  });
  const fail = (cause: Error): void => {
    error ??= cause;
    wake?.();
  };
  worker.on('error', fail);
  worker.on('exit', () => {
    if (!isFinished) fail(new Error('internal: an analysing thread ended too early'));
  });
  return {
    order: (order) => {
      worker.postMessage(order, []);
    },
    reports,
    broken: () => error,
    onWake: (next) => {
      wake = next;
    },
    stop: () => worker.terminate(),
  };
}
