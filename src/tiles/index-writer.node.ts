// SPDX-License-Identifier: Apache-2.0
// Writes the bytes of a finished index: what is appended gets its place; the description and the trailer
// come last. The file has its name only when all of it is on the disk.

import { Buffer } from 'node:buffer';
import { open, rename } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { describeSystemError, TraceError } from '../base/index.ts';
import type { Extent, IndexDescription } from './description.ts';
import { FILE_HEAD_BYTES, INDEX_MAGIC, INDEX_VERSION, TRAILER_BYTES } from './layout.ts';
import { packArrays } from './packed.node.ts';

const FLUSH_BYTES = 2 ** 22;

export interface IndexWriter {
  readonly fileBytes: number;
  /** Where they are from now on. */
  append(bytes: Uint8Array): number;
  appendArrays(arrays: readonly Uint32Array[]): Extent;
  /** Writes out what waits, when it is much. */
  flush(): Promise<void>;
  finish(description: IndexDescription): Promise<void>;
  /** Without finish: the unfinished file stays under its working name. */
  close(): Promise<void>;
}

/** Throws TraceError 'io', and so do flush and finish: a disk that is full is no bug. */
export async function createIndexWriter(
  indexFile: string,
  workingFile: string,
): Promise<IndexWriter> {
  const handle = await orIoError(workingFile, open(workingFile, 'w'));
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let fileBytes = 0;
  const append = (bytes: Uint8Array): number => {
    waiting.push(bytes);
    waitingBytes += bytes.byteLength;
    fileBytes += bytes.byteLength;
    return fileBytes - bytes.byteLength;
  };
  const writeOut = async (): Promise<void> => {
    const bytes = Buffer.concat(waiting);
    waiting = [];
    waitingBytes = 0;
    await orIoError(workingFile, handle.writeFile(bytes));
  };
  append(fileHead());
  return {
    get fileBytes() {
      return fileBytes;
    },
    append,
    appendArrays(arrays) {
      const { stored, rawBytes } = packArrays(arrays);
      const at = append(stored);
      return { at, storedBytes: stored.byteLength, rawBytes, crc: crc32(stored) };
    },
    async flush() {
      if (waitingBytes >= FLUSH_BYTES) await writeOut();
    },
    async finish(description) {
      const text = Buffer.from(JSON.stringify(description));
      const trailer = Buffer.alloc(TRAILER_BYTES);
      trailer.writeBigUInt64LE(BigInt(append(text)), 0);
      trailer.writeUInt32LE(text.byteLength, 8);
      trailer.writeUInt32LE(crc32(text), 12);
      trailer.write(INDEX_MAGIC, 16, 'latin1');
      append(trailer);
      await writeOut();
      await orIoError(workingFile, handle.sync());
      await orIoError(workingFile, handle.close());
      await orIoError(indexFile, rename(workingFile, indexFile));
    },
    close: () => handle.close(),
  };
}

async function orIoError<T>(file: string, done: Promise<T>): Promise<T> {
  try {
    return await done;
  } catch (cause) {
    throw new TraceError('io', describeSystemError(cause), { file, cause });
  }
}

function fileHead(): Buffer {
  const head = Buffer.alloc(FILE_HEAD_BYTES);
  head.write(INDEX_MAGIC, 0, 'latin1');
  head.writeUInt32LE(INDEX_VERSION, 8);
  return head;
}
