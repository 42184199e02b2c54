// SPDX-License-Identifier: Apache-2.0
// Reads accesses in file order, decoded and filtered by several threads. Thread n of w has the chunks n,
// n + w, n + 2w ... and runs ahead by a bounded number of rows.

import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { errorOfFailure, requireDefined } from '../base/index.ts';
import type { ScanChunk, ScanCredit, ScanMessage, ScanTask } from './scan-protocol.ts';

/** Of all threads of a scan together: some 64 MB at most. */
const LOOK_AHEAD_ROWS = 2 ** 20;
const WAIT_MS = 100;
/** Each chunk is announced, and takes a fraction of a second: a thread that is silent so long has died. */
const SILENCE_MS = 120_000;

export type ScanRows = Extract<ScanMessage, { type: 'rows' }>;

/** What a scan gives instead of rows when there are none in time. */
export const NOT_YET = 'not-yet';

export interface Scan {
  /**
   * The next rows, waiting for them without running anything else in this thread; undefined at the end. They are
   * there until the next call.
   */
  next(): ScanRows | undefined;
  /** The same of the chunks before `endChunk`, waiting so long at most. */
  nextWithin(waitMs: number, endChunk: number): ScanRows | typeof NOT_YET | undefined;
  /** Part of the chunks that are done, 0 to 1. */
  progress(): number;
  chunksDone(): number;
  /** Of the chunks that are done: accesses that are selected but did not complete. */
  aborted(): number;
  stop(): Promise<void>;
}

export type ScanRequest = Pick<
  ScanTask,
  'path' | 'columns' | 'bounds' | 'selected' | 'functions'
> & {
  readonly chunks: readonly ScanChunk[];
  readonly threads: number;
  /** Default LOOK_AHEAD_ROWS. */
  readonly lookAheadRows?: number;
  readonly workerUrl?: URL | undefined;
};

const WORKER_URL = new URL('./scan.worker.js', import.meta.url);

export function startScan(request: ScanRequest): Scan {
  const { chunks, threads, workerUrl = WORKER_URL, ...rest } = request;
  const { lookAheadRows = LOOK_AHEAD_ROWS, ...task } = rest;
  const count = Math.min(threads, chunks.length);
  const lanes = Array.from({ length: count }, (_, lane) =>
    startLane(workerUrl, {
      ...task,
      chunks: chunks.filter((_chunk, i) => i % count === lane),
      lookAheadRows: lookAheadRows / count,
    }),
  );
  let chunk = 0;
  let aborted = 0;
  let given: { readonly lane: Lane; readonly rows: ScanRows } | undefined;
  const nextWithin: Scan['nextWithin'] = (waitMs, endChunk) => {
    given?.lane.giveBack(given.rows);
    given = undefined;
    while (chunk < endChunk) {
      const lane = requireDefined(lanes[chunk % count], 'there are count lanes');
      const message = lane.take(waitMs);
      if (message === undefined) return NOT_YET;
      if (message.type === 'rows') {
        given = { lane, rows: message };
        return message;
      }
      if (message.type === 'failure') throw errorOfFailure(message);
      if (message.type === 'bug') throw message.error;
      chunk++;
      aborted += message.aborted;
    }
    return undefined;
  };
  return {
    next() {
      let rows = nextWithin(WAIT_MS, chunks.length);
      while (rows === NOT_YET) rows = nextWithin(WAIT_MS, chunks.length);
      return rows;
    },
    nextWithin,
    progress: () => (chunks.length === 0 ? 1 : chunk / chunks.length),
    chunksDone: () => chunk,
    aborted: () => aborted,
    async stop() {
      await Promise.all(lanes.map((lane) => lane.stop()));
    },
  };
}

interface Lane {
  /** Undefined when nothing comes in so many milliseconds. */
  take(waitMs: number): ScanMessage | undefined;
  giveBack(rows: ScanRows): void;
  stop(): Promise<unknown>;
}

function startLane(workerUrl: URL, task: Omit<ScanTask, 'arrivals' | 'port'>): Lane {
  const arrivals = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(workerUrl, {
    workerData: { ...task, arrivals, port: port2 } satisfies ScanTask,
    transferList: [port2],
  });
  let silentMs = 0;
  const receive = (): ScanMessage | undefined => {
    const received: { readonly message: ScanMessage } | undefined = receiveMessageOnPort(port1);
    if (received !== undefined) silentMs = 0;
    return received?.message;
  };
  return {
    take(waitMs) {
      const seen = Atomics.load(arrivals, 0);
      const message = receive();
      if (message !== undefined) return message;
      if (silentMs > SILENCE_MS) throw new Error('internal: a scanning thread ended too early');
      silentMs += waitMs;
      Atomics.wait(arrivals, 0, seen, waitMs);
      return receive();
    },
    giveBack({ rowCount, columns }) {
      const buffers = columns.map(({ bytes }) => bytes);
      port1.postMessage({ rowCount, buffers } satisfies ScanCredit, buffers);
    },
    async stop() {
      port1.close();
      await worker.terminate();
    },
  };
}
