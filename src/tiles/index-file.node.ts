// SPDX-License-Identifier: Apache-2.0
// A finished index, read where it is asked: directories, blocks and groups of tracks are read when they are needed
// and kept while they are used. Whatever is read is compared with its checksum.

import { Buffer } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import {
  describeSystemError,
  partitionPoint,
  TraceError,
  type TraceErrorKind,
} from '../base/index.ts';
import type { BlockCells } from './block.ts';
import { createByteLru } from './byte-lru.ts';
import {
  type Extent,
  type IndexDescription,
  type LevelDescription,
  parseDescription,
  type StreamDescription,
} from './description.ts';
import {
  DIRECTORY_ARRAYS,
  type GroupPlace,
  groupsOfDirectory,
  type StripPlace,
  stripsOfTable,
  unpackBlock,
} from './groups.node.ts';
import {
  FILE_HEAD_BYTES,
  INDEX_MAGIC,
  INDEX_VERSION,
  STRIP_UNITS,
  TRAILER_BYTES,
} from './layout.ts';
import { unpackArrays } from './packed.node.ts';
import type { Space } from './view-index.ts';

/** A level with the numbers that its description leaves to be worked out. */
export interface Level extends LevelDescription {
  readonly bucketEnd: number;
  readonly unitEnd: number;
}

/** Ascending in time, then in units. */
export function levelsOf(stream: StreamDescription, space: Space, pageCount: number): Level[] {
  return stream[space].map((level) => ({
    ...level,
    bucketEnd: Math.ceil(stream.ordinalEnd / 2 ** level.timeShift),
    unitEnd: Math.ceil(pageCount / 2 ** level.unitShift),
  }));
}

export interface LoadedBlock {
  readonly firstBucket: number;
  readonly bucketCount: number;
  readonly firstUnit: number;
  readonly cells: BlockCells;
}

export interface IndexFile {
  readonly fileBytes: number;
  readonly description: IndexDescription;
  /** Throws 'checksum', 'corrupt', 'io'. */
  arrays(extent: Extent, arrayCount: number): Promise<readonly Uint32Array[]>;
  /** Throws 'corrupt' when one of the arrays of that place has another length. */
  requireLengths(
    place: { readonly at: number },
    arrays: readonly Uint32Array[],
    length: number,
  ): void;
  groups(directory: Extent, bucketEnd: number): Promise<readonly GroupPlace[]>;
  /** Blocks with cells of these buckets and units, and maybe others; group by group. */
  blocks(
    level: Level,
    buckets: { readonly begin: number; readonly end: number },
    units: { readonly begin: number; readonly end: number },
  ): AsyncGenerator<LoadedBlock, void, undefined>;
  close(): Promise<void>;
}

const CACHE_BYTES = 2 ** 24;
/** A cell of a decoded block. */
const CELL_BYTES = 12;

/**
 * Undefined: there is no such file, or it is of another version. Throws 'truncated', 'checksum', 'corrupt', 'io', and
 * 'bad-argument' for a file that never was an index.
 */
export async function openIndexFile(path: string): Promise<IndexFile | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new TraceError('io', describeSystemError(cause), { file: path, cause });
  }
  try {
    const file = await readStructure(path, handle);
    if (file === undefined) await handle.close();
    return file;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readStructure(path: string, handle: FileHandle): Promise<IndexFile | undefined> {
  const { size } = await handle.stat();
  const fail = (kind: TraceErrorKind, message: string, fileOffset: number): TraceError =>
    new TraceError(kind, `the view index ${message}`, {
      ...{ file: path, fileOffset },
      remedy: 'Delete the file: it is made anew.',
    });
  const read = async (at: number, byteCount: number): Promise<Buffer> => {
    const bytes = Buffer.alloc(byteCount);
    let done = 0;
    while (done < byteCount) {
      const { bytesRead } = await handle
        .read(bytes, done, byteCount - done, at + done)
        .catch((cause: unknown) => {
          throw new TraceError('io', describeSystemError(cause), { file: path, cause });
        });
      if (bytesRead === 0) throw fail('truncated', 'is shorter than it was', at + done);
      done += bytesRead;
    }
    return bytes;
  };
  const head = await read(0, Math.min(size, FILE_HEAD_BYTES));
  const trailerAt = Math.max(0, size - TRAILER_BYTES);
  const trailer = await read(trailerAt, size - trailerAt);
  const begins = INDEX_MAGIC.startsWith(head.toString('latin1', 0, INDEX_MAGIC.length));
  const ends = trailer.toString('latin1').endsWith(INDEX_MAGIC);
  if (!begins && !ends) {
    // Somebody's file: what is damaged is made anew, and this must not be written over.
    throw new TraceError('bad-argument', 'this file is no view index', {
      file: path,
      remedy: 'another name for the index (--index)',
    });
  }
  if (size < FILE_HEAD_BYTES + TRAILER_BYTES) throw fail('truncated', 'ends too early', size);
  if (!begins) throw fail('corrupt', 'does not begin as it should', 0);
  if (head.readUInt32LE(8) !== INDEX_VERSION) return undefined;
  const textAt = Number(trailer.readBigUInt64LE(0));
  const textBytes = trailer.readUInt32LE(8);
  if (!ends || textAt + textBytes !== trailerAt) {
    throw fail('truncated', 'does not end as it should', trailerAt);
  }
  const text = await read(textAt, textBytes);
  if (crc32(text) !== trailer.readUInt32LE(12)) {
    throw fail('checksum', 'has a damaged description', textAt);
  }
  const description = parseDescription(text.toString('utf8'), path, textAt);
  const blockCache = createByteLru<BlockCells>(CACHE_BYTES);
  const tables = createByteLru<readonly StripPlace[]>(CACHE_BYTES / 4);
  const directories = new Map<number, readonly GroupPlace[]>();

  const arrays = async (extent: Extent, arrayCount: number): Promise<readonly Uint32Array[]> => {
    const stored = await read(extent.at, extent.storedBytes);
    if (crc32(stored) !== extent.crc) throw fail('checksum', 'is damaged', extent.at);
    const found = unpackArrays(stored, extent.rawBytes, arrayCount);
    if (found === undefined) throw fail('corrupt', 'contradicts itself', extent.at);
    return found;
  };
  const groups = async (directory: Extent, bucketEnd: number): Promise<readonly GroupPlace[]> => {
    const known = directories.get(directory.at);
    if (known !== undefined) return known;
    const found = groupsOfDirectory(await arrays(directory, DIRECTORY_ARRAYS), bucketEnd, textAt);
    if (found === undefined) throw fail('corrupt', 'has an impossible directory', directory.at);
    directories.set(directory.at, found);
    return found;
  };
  const stripsOf = async (
    group: GroupPlace,
    stripCount: number,
  ): Promise<readonly StripPlace[]> => {
    const known = tables.find(String(group.at));
    if (known !== undefined) return known;
    if (group.rawBytes > group.storedBytes)
      throw fail('corrupt', 'has an impossible group', group.at);
    const table = await read(group.at, group.rawBytes);
    if (crc32(table) !== group.crc) throw fail('checksum', 'is damaged', group.at);
    const strips = stripsOfTable(table, stripCount, group.storedBytes);
    if (strips === undefined) throw fail('corrupt', 'has an impossible group', group.at);
    tables.put(String(group.at), strips, 64 * strips.length);
    return strips;
  };
  return {
    fileBytes: size,
    description,
    arrays,
    requireLengths({ at }, all, length) {
      if (all.some((one) => one.length !== length)) throw fail('corrupt', 'contradicts itself', at);
    },
    groups,
    async *blocks(level, buckets, units) {
      const stripCount = Math.ceil(level.unitEnd / STRIP_UNITS);
      const stripBegin = Math.floor(units.begin / STRIP_UNITS);
      const stripEnd = Math.min(stripCount, Math.ceil(units.end / STRIP_UNITS));
      const all = await groups(level.directory, level.bucketEnd);
      for (let at = groupOfBucket(all, buckets.begin); at < all.length; at++) {
        const group = all[at];
        if (group.firstBucket >= buckets.end) break;
        const strips = await stripsOf(group, stripCount);
        const wanted: { strip: number; cells: BlockCells | undefined }[] = [];
        for (let strip = stripBegin; strip < stripEnd; strip++) {
          if (strips[strip].storedBytes === 0) continue;
          wanted.push({ strip, cells: blockCache.find(String(group.at + strips[strip].at)) });
        }
        const missing = wanted.filter(({ cells }) => cells === undefined);
        if (missing.length > 0) {
          const first = strips[missing[0].strip];
          const last = strips[missing[missing.length - 1].strip];
          const bytes = await read(group.at + first.at, last.at + last.storedBytes - first.at);
          for (const one of missing) {
            const place = strips[one.strip];
            const begin = place.at - first.at;
            const stored = bytes.subarray(begin, begin + place.storedBytes);
            const cells = unpackBlock(stored, place, group.bucketCount);
            if (cells === undefined) throw fail('checksum', 'is damaged', group.at + place.at);
            blockCache.put(String(group.at + place.at), cells, CELL_BYTES * cells.place.length);
            one.cells = cells;
          }
        }
        for (const { strip, cells } of wanted) {
          if (cells === undefined) continue;
          const { firstBucket, bucketCount } = group;
          yield { firstBucket, bucketCount, firstUnit: strip * STRIP_UNITS, cells };
        }
      }
    },
    close: () => handle.close(),
  };
}

/** Index of the group that has the bucket. */
export function groupOfBucket(groups: readonly GroupPlace[], bucket: number): number {
  return partitionPoint(
    groups.length,
    (at) => groups[at].firstBucket + groups[at].bucketCount <= bucket,
  );
}
