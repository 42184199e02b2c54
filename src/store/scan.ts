// SPDX-License-Identifier: Apache-2.0
// Reads accesses in file order, decoded and filtered by several threads. Thread n of w has the chunks n,
// n + w, n + 2w ... and runs ahead by a bounded number of rows.

import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { errorOfFailure, requireDefined } from '../base/index.ts';
import type { ScanChunk, ScanCredit, ScanMessage, ScanTask } from './scan-protocol.ts';

/** Of all threads together: some 64 MB at most. */
const LOOK_AHEAD_ROWS = 2 ** 20;
const WAIT_MS = 100;
/** Each chunk is announced, and takes a fraction of a second: a thread that is silent so long has died. */
const SILENCE_MS = 120_000;

export type ScanRows = Extract<ScanMessage, { type: 'rows' }>;

export interface Scan {
  /**
   * The next rows, waiting for them without running anything else in this thread; undefined at the end. They are
   * there until the next call.
   */
  next(): ScanRows | undefined;
  /** Part of the chunks that are done, 0 to 1. */
  progress(): number;
  /** Of the chunks that are done: accesses that are selected but did not complete. */
  aborted(): number;
  stop(): Promise<void>;
}

export type ScanRequest = Pick<
  ScanTask,
  'path' | 'columns' | 'bounds' | 'selected' | 'functionOf'
> & {
  readonly chunks: readonly ScanChunk[];
  readonly threads: number;
  /** Default LOOK_AHEAD_ROWS. */
  readonly lookAheadRows?: number;
  readonly workerUrl?: URL;
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
  return {
    next() {
      given?.lane.giveBack(given.rows);
      given = undefined;
      while (chunk < chunks.length) {
        const lane = requireDefined(lanes[chunk % count], 'there are count lanes');
        const message = lane.take();
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
    },
    progress: () => (chunks.length === 0 ? 1 : chunk / chunks.length),
    aborted: () => aborted,
    async stop() {
      await Promise.all(lanes.map((lane) => lane.stop()));
    },
  };
}

interface Lane {
  take(): ScanMessage;
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
  return {
    take() {
      for (let silentMs = 0; ; silentMs += WAIT_MS) {
        if (silentMs > SILENCE_MS) throw new Error('internal: a scanning thread ended too early');
        const seen = Atomics.load(arrivals, 0);
        const received: { readonly message: ScanMessage } | undefined = receiveMessageOnPort(port1);
        if (received === undefined) {
          Atomics.wait(arrivals, 0, seen, WAIT_MS);
        } else {
          return received.message;
        }
      }
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
