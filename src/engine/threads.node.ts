// SPDX-License-Identifier: Apache-2.0
// The threads of passes. They can be started before it is known what for: loading their code takes about as long as to
// read two chunks.

import { prepareThread, type Thread } from '../format/index.ts';
import type { WorkerOrder, WorkerReport, WorkerTask } from './protocol.ts';

export type PassThread = Thread<WorkerOrder, WorkerReport>;

const WORKER_URL = new URL('./analysis.worker.node.js', import.meta.url);

type ThreadWithoutTask = Thread<WorkerTask | WorkerOrder, WorkerReport>;

const prepared: (() => ThreadWithoutTask)[] = [];

/** For a pass with so many threads, which comes in a moment: this thread is mostly one of them. */
export function prepareThreads(workers: number): void {
  while (prepared.length < workers - 1) prepared.push(startWithoutTask(WORKER_URL));
}

/** `workerUrl`: the engine's threads run this one instead. */
export function takeThread(workerUrl: URL | undefined, task: WorkerTask): PassThread {
  const ready = workerUrl === undefined ? prepared.pop() : undefined;
  const thread = (ready ?? startWithoutTask(workerUrl ?? WORKER_URL))();
  thread.order(task);
  return thread;
}

function startWithoutTask(workerUrl: URL): () => ThreadWithoutTask {
  return prepareThread(workerUrl, 'an analysing thread');
}
