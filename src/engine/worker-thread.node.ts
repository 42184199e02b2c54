// SPDX-License-Identifier: Apache-2.0
// The coordinator's end of a thread of a pass: orders go out, reports come in.

import { Worker } from 'node:worker_threads';
import { TraceError } from '../base/index.ts';
import type { WorkerOrder, WorkerReport, WorkerTask } from './protocol.ts';

/** The next report of any thread. Throws what one failed with, and the reason of an aborted signal. */
export async function nextReport(
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

export interface Thread {
  readonly order: (order: WorkerOrder) => void;
  /** What it has reported and nobody has read. */
  readonly reports: WorkerReport[];
  readonly broken: () => Error | undefined;
  /** Calls this when there is a report or the thread breaks; replaces an earlier one. */
  readonly onWake: (wake: () => void) => void;
  readonly stop: () => Promise<unknown>;
}

export function startThread(workerUrl: URL, task: WorkerTask): Thread {
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
