// SPDX-License-Identifier: Apache-2.0
// The coordinator's end of worker threads: orders go out, reports come in.

import { type ResourceLimits, Worker } from 'node:worker_threads';
import { errorOfFailure, type TraceFailure } from '../base/index.ts';

/** A report of type 'finished' is a thread's last: it may end behind it. */
interface AnyReport {
  readonly type: string;
}

export interface Thread<Order, Report extends AnyReport> {
  readonly order: (order: Order) => void;
  /** What it has reported and nobody has read. */
  readonly reports: (Report | TraceFailure)[];
  readonly broken: () => Error | undefined;
  /** Calls this when there is a report or the thread breaks; replaces an earlier one. */
  readonly onWake: (wake: () => void) => void;
  readonly stop: () => Promise<unknown>;
}

/** The next report of any thread. Throws what one failed with, and the reason of an aborted signal. */
export async function nextReport<Order, Report extends AnyReport>(
  threads: readonly Thread<Order, Report>[],
  signal: AbortSignal | undefined,
): Promise<{ readonly thread: number; readonly report: Report }> {
  for (;;) {
    signal?.throwIfAborted();
    for (const [thread, { reports, broken }] of threads.entries()) {
      const report = reports.shift();
      if (report !== undefined) {
        if (isFailure(report)) throw errorOfFailure(report);
        return { thread, report };
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

function isFailure(report: AnyReport): report is TraceFailure {
  return report.type === 'failure';
}

/**
 * Columns lie outside of a thread's heap, and what lies in it dies young: more room for it than this made nothing faster,
 * and took up to 48 MiB of every thread.
 */
export const THREAD_LIMITS: ResourceLimits = { maxYoungGenerationSizeMb: 6 };

/** `what`: "an analysing thread". */
export function startThread<Order, Report extends AnyReport>(
  workerUrl: URL,
  what: string,
  task: unknown,
): Thread<Order, Report> {
  return threadOf(startWorker(workerUrl, task), what);
}

/**
 * A thread without a task, which loads its code meanwhile, and keeps no process from ending. What is returned takes it,
 * once.
 */
export function prepareThread<Order, Report extends AnyReport>(
  workerUrl: URL,
  what: string,
): () => Thread<Order, Report> {
  const worker = startWorker(workerUrl, undefined);
  const thread = threadOf<Order, Report>(worker, what);
  worker.unref();
  return () => {
    worker.ref();
    return thread;
  };
}

function startWorker(workerUrl: URL, task: unknown): Worker {
  return new Worker(workerUrl, { workerData: task, resourceLimits: THREAD_LIMITS });
}

function threadOf<Order, Report extends AnyReport>(
  worker: Worker,
  what: string,
): Thread<Order, Report> {
  const reports: (Report | TraceFailure)[] = [];
  let error: Error | undefined;
  let wake: (() => void) | undefined;
  let isFinished = false;
  worker.on('message', (report: Report | TraceFailure) => {
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
    if (!isFinished) fail(new Error(`internal: ${what} ended too early`));
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
