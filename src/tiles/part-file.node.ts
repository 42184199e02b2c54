// SPDX-License-Identifier: Apache-2.0
// The unfinished index: a head, then what was counted of each chunk as a section with checksums, in the order
// in which they were done. Whatever is whole is kept when an interrupted build goes on; the rest is cut off.

import { Buffer } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { describeSystemError, TraceError } from '../base/index.ts';
import type { ChunkCounts } from './count-chunk.ts';
import {
  FILE_HEAD_BYTES,
  FINGERPRINT_BYTES,
  INDEX_VERSION,
  PART_MAGIC,
  PART_SECTION_HEAD_BYTES,
  PART_SECTION_MAGIC,
} from './layout.ts';
import type { PackedBytes } from './packed.node.ts';
import { unpackCounts } from './part-section.node.ts';

export interface PartFile {
  /** Chunks that are there. */
  readonly chunks: ReadonlySet<number>;
  append(chunkIndex: number, packed: PackedBytes): Promise<void>;
  /** Throws 'corrupt', 'io'. */
  read(chunkIndex: number): Promise<ChunkCounts>;
  close(): Promise<void>;
}

interface Place {
  readonly payloadAt: number;
  readonly storedBytes: number;
  readonly rawBytes: number;
  readonly crc: number;
}

const HEAD_BYTES = FILE_HEAD_BYTES + FINGERPRINT_BYTES;

/** What is there of this trace, or an empty one. Throws TraceError 'io'. */
export async function openPartFile(
  path: string,
  fingerprint: Uint8Array,
  chunkCount: number,
): Promise<PartFile> {
  try {
    const handle = await openOrMake(path);
    try {
      return await startPart(path, handle, fingerprint, chunkCount);
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (cause) {
    throw ioError(path, cause);
  }
}

async function openOrMake(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+');
  } catch {
    return open(path, 'w+');
  }
}

async function startPart(
  path: string,
  handle: FileHandle,
  fingerprint: Uint8Array,
  chunkCount: number,
): Promise<PartFile> {
  const { size } = await handle.stat();
  const head = headOf(fingerprint);
  const isOurs = size >= HEAD_BYTES && head.equals(await readAt(handle, 0, HEAD_BYTES));
  const { places, end } = isOurs
    ? await walkSections(handle, size, chunkCount)
    : { places: new Map<number, Place>(), end: HEAD_BYTES };
  await handle.truncate(isOurs ? end : 0);
  if (!isOurs) await writeAll(handle, head, 0);
  let writeAt = end;
  return {
    get chunks() {
      return new Set(places.keys());
    },
    async append(chunkIndex, { stored, rawBytes }) {
      const section = Buffer.concat([sectionHead(chunkIndex, stored, rawBytes), stored]);
      const at = writeAt;
      writeAt += section.byteLength;
      try {
        await writeAll(handle, section, at);
      } catch (cause) {
        throw new TraceError('io', describeSystemError(cause), {
          ...{ file: path, cause },
          remedy: 'What was counted is kept: with more room it goes on from there.',
        });
      }
      places.set(chunkIndex, {
        payloadAt: at + PART_SECTION_HEAD_BYTES,
        storedBytes: stored.byteLength,
        rawBytes,
        crc: crc32(stored),
      });
    },
    async read(chunkIndex) {
      const place = places.get(chunkIndex);
      if (place === undefined) throw new Error(`internal: chunk ${chunkIndex} was not counted`);
      const stored = await readAt(handle, place.payloadAt, place.storedBytes);
      const isSame = crc32(stored) === place.crc;
      const counts = isSame ? unpackCounts(stored, place.rawBytes) : undefined;
      if (counts !== undefined) return counts;
      throw new TraceError('corrupt', 'what was counted of a chunk contradicts itself', {
        file: path,
        fileOffset: place.payloadAt,
        remedy: 'Delete the file: it is made anew.',
      });
    },
    close: () => handle.close(),
  };
}

async function walkSections(
  handle: FileHandle,
  fileBytes: number,
  chunkCount: number,
): Promise<{ places: Map<number, Place>; end: number }> {
  const places = new Map<number, Place>();
  let at = HEAD_BYTES;
  while (at + PART_SECTION_HEAD_BYTES <= fileBytes) {
    const head = await readAt(handle, at, PART_SECTION_HEAD_BYTES);
    const payloadAt = at + PART_SECTION_HEAD_BYTES;
    const chunkIndex = head.readUInt32LE(4);
    const storedBytes = head.readUInt32LE(8);
    const isHead =
      head.readUInt32LE(0) === PART_SECTION_MAGIC &&
      head.readUInt32LE(20) === crc32(head.subarray(0, 20)) &&
      chunkIndex < chunkCount &&
      storedBytes <= fileBytes - payloadAt;
    if (!isHead) break;
    const stored = await readAt(handle, payloadAt, storedBytes);
    const crc = head.readUInt32LE(16);
    if (crc32(stored) !== crc) break;
    places.set(chunkIndex, { payloadAt, storedBytes, rawBytes: head.readUInt32LE(12), crc });
    at = payloadAt + storedBytes;
  }
  return { places, end: at };
}

function headOf(fingerprint: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.write(PART_MAGIC, 0, 'latin1');
  head.writeUInt32LE(INDEX_VERSION, 8);
  head.set(fingerprint, FILE_HEAD_BYTES);
  return head;
}

function sectionHead(chunkIndex: number, stored: Uint8Array, rawBytes: number): Buffer {
  const head = Buffer.alloc(PART_SECTION_HEAD_BYTES);
  head.writeUInt32LE(PART_SECTION_MAGIC, 0);
  head.writeUInt32LE(chunkIndex, 4);
  head.writeUInt32LE(stored.byteLength, 8);
  head.writeUInt32LE(rawBytes, 12);
  head.writeUInt32LE(crc32(stored), 16);
  head.writeUInt32LE(crc32(head.subarray(0, 20)), 20);
  return head;
}

/** A disk that has little room left writes a part, and says so only of the next one. */
async function writeAll(handle: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, at + done);
    done += bytesWritten;
  }
}

async function readAt(handle: FileHandle, at: number, byteCount: number): Promise<Buffer> {
  const bytes = Buffer.alloc(byteCount);
  let done = 0;
  while (done < byteCount) {
    const { bytesRead } = await handle.read(bytes, done, byteCount - done, at + done);
    if (bytesRead === 0) throw new Error('the file is shorter than it was');
    done += bytesRead;
  }
  return bytes;
}

function ioError(path: string, cause: unknown): TraceError {
  if (cause instanceof TraceError) return cause;
  return new TraceError('io', describeSystemError(cause), { file: path, cause });
}
