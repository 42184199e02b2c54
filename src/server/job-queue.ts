// SPDX-License-Identifier: Apache-2.0
// Work that takes seconds and every core: one piece at a time, a few may wait, and who leaves gives up its place.

import type { JobsReply } from './protocol.ts';
import { Refusal } from './refusal.ts';

export type JobName = JobsReply['jobs'][number]['name'];

export interface JobQueue {
  /** Throws Refusal 'busy' when too many wait, and the signal's reason. `onProgress`: 0 to 1. */
  run<T>(
    name: JobName,
    signal: AbortSignal,
    work: (onProgress: (part: number) => void) => Promise<T>,
  ): Promise<T>;
  /** The one that runs, then those that wait. */
  jobs(): JobsReply['jobs'];
  /** When the last one that was taken has come to its end. */
  idle(): Promise<void>;
}

const MOST_JOBS = 8;

interface Job {
  readonly name: JobName;
  part: number | null;
}

export function createJobQueue(): JobQueue {
  const jobs: Job[] = [];
  let last: Promise<unknown> = Promise.resolve();
  return {
    jobs: () => jobs.map((job) => ({ ...job })),
    async run(name, signal, work) {
      signal.throwIfAborted();
      if (jobs.length >= MOST_JOBS) {
        throw new Refusal('busy', `${MOST_JOBS} questions are being worked on; ask again later`);
      }
      const job: Job = { name, part: null };
      jobs.push(job);
      const mine = last.then(async () => {
        signal.throwIfAborted();
        job.part = 0;
        return work((part) => {
          job.part = part;
        });
      });
      const leave = (): void => {
        const at = jobs.indexOf(job);
        if (at >= 0) jobs.splice(at, 1);
      };
      last = mine.then(leave, leave);
      return new Promise((resolve, reject) => {
        const giveUp = (): void => {
          if (job.part !== null) return; // it runs: its work looks at the signal
          leave();
          reject(signal.reason);
        };
        signal.addEventListener('abort', giveUp, { once: true });
        void mine.then(resolve, reject).finally(() => {
          signal.removeEventListener('abort', giveUp);
        });
      });
    },
    idle: async () => {
      await last;
    },
  };
}
