// SPDX-License-Identifier: Apache-2.0
// Writes the bytes of a finished index: what is appended gets its place; the description and the trailer
// come last. The file has its name only when all of it is on the disk.

import { Buffer } from 'node:buffer';
import { open, rename } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { createAppender, orIoError } from './appender.node.ts';
import type { Extent, IndexDescription } from './description.ts';
import { FILE_HEAD_BYTES, INDEX_MAGIC, INDEX_VERSION, TRAILER_BYTES } from './layout.ts';
import { packArrays } from './packed.node.ts';

const COPY_BYTES = 2 ** 20;

export interface IndexWriter {
  appendArrays(arrays: readonly Uint32Array[]): Extent;
  /** All of another file; where its first byte is from now on. */
  appendFile(file: string): Promise<number>;
  /** Writes out what waits, when it is much. */
  flush(): Promise<void>;
  finish(description: IndexDescription): Promise<void>;
  /** Without finish: the unfinished file stays under its working name. */
  close(): Promise<void>;
}

/** Throws TraceError 'io', and so do appendFile, flush and finish. */
export async function createIndexWriter(
  indexFile: string,
  workingFile: string,
): Promise<IndexWriter> {
  const file = await createAppender(workingFile);
  const { append } = file;
  const flush = async (): Promise<void> => {
    if (file.isFull()) await file.flush();
  };
  append(fileHead());
  return {
    appendArrays(arrays) {
      const { stored, rawBytes } = packArrays(arrays);
      const at = append(stored);
      return { at, storedBytes: stored.byteLength, rawBytes, crc: crc32(stored) };
    },
    async appendFile(other) {
      const at = append(new Uint8Array());
      const handle = await orIoError(other, open(other));
      try {
        for (;;) {
          const { buffer, bytesRead } = await orIoError(
            other,
            handle.read(Buffer.alloc(COPY_BYTES)),
          );
          if (bytesRead === 0) return at;
          append(buffer.subarray(0, bytesRead));
          await flush();
        }
      } finally {
        await handle.close();
      }
    },
    flush,
    async finish(description) {
      const text = Buffer.from(JSON.stringify(description));
      const trailer = Buffer.alloc(TRAILER_BYTES);
      trailer.writeBigUInt64LE(BigInt(append(text)), 0);
      trailer.writeUInt32LE(text.byteLength, 8);
      trailer.writeUInt32LE(crc32(text), 12);
      trailer.write(INDEX_MAGIC, 16, 'latin1');
      append(trailer);
      await file.flush();
      await file.sync();
      await file.close();
      await orIoError(indexFile, rename(workingFile, indexFile));
    },
    close: () => file.close(),
  };
}

function fileHead(): Buffer {
  const head = Buffer.alloc(FILE_HEAD_BYTES);
  head.write(INDEX_MAGIC, 0, 'latin1');
  head.writeUInt32LE(INDEX_VERSION, 8);
  return head;
}
