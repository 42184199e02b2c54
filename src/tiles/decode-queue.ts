// SPDX-License-Identifier: Apache-2.0
// What waits to be decoded: the newest first, since it is what is on the screen. What nobody waits for any longer
// is decoded when there is time, but only the newest of that; the rest is dropped.

import type { ChunkLane } from './chunk-lane.node.ts';

export interface DecodeJob {
  /** Callers that wait for it. */
  waiters: number;
  start(lane: ChunkLane): Promise<void>;
  drop(): void;
}

export interface Coming<T> {
  readonly job: DecodeJob;
  readonly promise: Promise<T>;
}

export interface DecodeQueue {
  add<T>(decode: (lane: ChunkLane) => Promise<T>): {
    readonly job: DecodeJob;
    readonly result: Promise<T>;
  };
  /** Throws the signal's reason at once; the job may go on. */
  wait<T>(coming: Coming<T>, signal: AbortSignal | undefined): Promise<T>;
  /** Ends the threads that have nothing to do, until there is something. */
  release(): Promise<void>;
  close(): Promise<void>;
}

/** Jobs without waiters that are kept. */
const KEPT_JOBS = 2;

export function createDecodeQueue(laneCount: number, startLane: () => ChunkLane): DecodeQueue {
  // Opening the trace takes a moment: before the first question.
  const lanes: (ChunkLane | undefined)[] = Array.from({ length: laneCount }, startLane);
  let waiting: DecodeJob[] = [];
  let isClosed = false;
  const pump = (): void => {
    for (const [at, lane] of lanes.entries()) {
      if (lane !== undefined && lane.waiting() > 0) continue;
      const job = waiting.pop();
      if (job === undefined) return;
      const fit = lane === undefined || lane.isBroken() ? startLane() : lane;
      lanes[at] = fit;
      void job.start(fit).then(pump);
    }
  };
  const dropStale = (): void => {
    const stale = waiting.filter(({ waiters }) => waiters === 0);
    const dropped = new Set(stale.slice(0, Math.max(0, stale.length - KEPT_JOBS)));
    waiting = waiting.filter((job) => !dropped.has(job));
    for (const job of dropped) job.drop();
  };
  return {
    add<T>(decode: (lane: ChunkLane) => Promise<T>) {
      let drop: () => void = () => undefined;
      let start: DecodeJob['start'] = async () => undefined;
      const result = new Promise<T>((resolve, reject) => {
        drop = () => {
          reject(new Error('the chunk is not decoded: nobody waited, or the cache was closed'));
        };
        start = async (lane) => decode(lane).then(resolve, reject);
      });
      // Whoever waits is told.
      result.catch(() => undefined);
      const job = { waiters: 0, start: async (lane: ChunkLane) => start(lane), drop: () => drop() };
      if (isClosed) {
        drop();
        return { job, result };
      }
      waiting.push(job);
      queueMicrotask(() => {
        dropStale();
        pump();
      });
      return { job, result };
    },
    async wait<T>({ job, promise }: Coming<T>, signal: AbortSignal | undefined): Promise<T> {
      job.waiters++;
      const at = waiting.indexOf(job);
      if (at >= 0) waiting.push(...waiting.splice(at, 1));
      try {
        return await interruptible(promise, signal);
      } finally {
        job.waiters--;
      }
    },
    async release() {
      const idle = lanes.map((lane) => (lane?.waiting() === 0 ? lane : undefined));
      for (const [at, lane] of idle.entries()) {
        if (lane !== undefined) lanes[at] = undefined;
      }
      await Promise.all(idle.map(async (lane) => lane?.stop()));
    },
    async close() {
      isClosed = true;
      for (const job of waiting) job.drop();
      waiting = [];
      await Promise.all(lanes.map(async (lane) => lane?.stop()));
    },
  };
}

async function interruptible<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(signal.reason);
    };
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', stop);
    });
  });
}
