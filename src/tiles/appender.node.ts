// SPDX-License-Identifier: Apache-2.0
// A file that only grows: what is appended gets its place at once and is written in large pieces.

import { Buffer } from 'node:buffer';
import { open } from 'node:fs/promises';
import { describeSystemError, TraceError } from '../base/index.ts';

const FLUSH_BYTES = 2 ** 22;

export interface Appender {
  /** Where they are from now on. */
  readonly append: (bytes: Uint8Array) => number;
  /** Much waits to be written. */
  isFull(): boolean;
  /** Writes out what waits. */
  flush(): Promise<void>;
  /** Until all of it is on the disk. */
  sync(): Promise<void>;
  /** What waits is lost. */
  close(): Promise<void>;
}

/** An empty file. Throws TraceError 'io', and so do flush and sync: a disk that is full is no bug. */
export async function createAppender(file: string): Promise<Appender> {
  const handle = await orIoError(file, open(file, 'w'));
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let fileBytes = 0;
  return {
    append(bytes) {
      waiting.push(bytes);
      waitingBytes += bytes.byteLength;
      fileBytes += bytes.byteLength;
      return fileBytes - bytes.byteLength;
    },
    isFull: () => waitingBytes >= FLUSH_BYTES,
    async flush() {
      const bytes = Buffer.concat(waiting);
      waiting = [];
      waitingBytes = 0;
      await orIoError(file, handle.writeFile(bytes));
    },
    sync: () => orIoError(file, handle.sync()),
    close: () => handle.close(),
  };
}

/** A failure of the system as a TraceError that names the file. */
export async function orIoError<T>(file: string, done: Promise<T>): Promise<T> {
  try {
    return await done;
  } catch (cause) {
    if (cause instanceof TraceError) throw cause;
    throw new TraceError('io', describeSystemError(cause), { file, cause });
  }
}
