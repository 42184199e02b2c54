// SPDX-License-Identifier: Apache-2.0
// Groups as bytes: of cells a strip table and the blocks behind it, of tracks packed arrays. A directory of a
// level's groups is packed arrays, one element by group.

import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { type BlockCells, decodeBlock } from './block.ts';
import { STRIP_ENTRY_BYTES, STRIP_UNITS } from './layout.ts';
import type { Group } from './level-writer.ts';
import { deflate, inflate } from './packed.node.ts';

/** A group of a level and where it is. */
export interface GroupPlace {
  readonly firstBucket: number;
  readonly bucketCount: number;
  readonly at: number;
  readonly storedBytes: number;
  /** Of a group of tracks: before compression. Of a group of cells: bytes of its strip table. */
  readonly rawBytes: number;
  /** Of a group of tracks: all of it. Of a group of cells: the strip table. */
  readonly crc: number;
}

export const DIRECTORY_ARRAYS = 7;

export function directoryArrays(groups: readonly GroupPlace[]): Uint32Array[] {
  const column = (pick: (group: GroupPlace) => number): Uint32Array =>
    Uint32Array.from(groups, pick);
  return [
    column((group) => group.firstBucket),
    column((group) => group.bucketCount),
    column((group) => group.at % 2 ** 32),
    column((group) => Math.floor(group.at / 2 ** 32)),
    column((group) => group.storedBytes),
    column((group) => group.rawBytes),
    column((group) => group.crc),
  ];
}

/** Undefined: they do not follow each other from 0 to bucketEnd, or are not within the first dataBytes of the file. */
export function groupsOfDirectory(
  arrays: readonly Uint32Array[],
  bucketEnd: number,
  dataBytes: number,
): GroupPlace[] | undefined {
  const [firstBucket, bucketCount, atLo, atHi, storedBytes, rawBytes, crc] = arrays;
  if (arrays.some(({ length }) => length !== firstBucket.length)) return undefined;
  const groups: GroupPlace[] = [];
  let next = 0;
  for (let i = 0; i < firstBucket.length; i++) {
    const group = {
      ...{ firstBucket: firstBucket[i], bucketCount: bucketCount[i] },
      at: atHi[i] * 2 ** 32 + atLo[i],
      ...{ storedBytes: storedBytes[i], rawBytes: rawBytes[i], crc: crc[i] },
    };
    if (group.firstBucket !== next || group.bucketCount === 0) return undefined;
    if (group.at + group.storedBytes > dataBytes) return undefined;
    next += group.bucketCount;
    groups.push(group);
  }
  return next === bucketEnd ? groups : undefined;
}

export interface PackedGroup {
  readonly bytes: Uint8Array;
  readonly tableBytes: number;
  readonly tableCrc: number;
}

export function packGroup({ blocks }: Group): PackedGroup {
  const table = Buffer.alloc(blocks.length * STRIP_ENTRY_BYTES);
  const stored = blocks.map((block, strip) => {
    if (block === undefined) return new Uint8Array();
    const bytes = deflate(block);
    table.writeUInt32LE(bytes.byteLength, strip * STRIP_ENTRY_BYTES);
    table.writeUInt32LE(block.byteLength, strip * STRIP_ENTRY_BYTES + 4);
    table.writeUInt32LE(crc32(bytes), strip * STRIP_ENTRY_BYTES + 8);
    return bytes;
  });
  return {
    bytes: Buffer.concat([table, ...stored]),
    tableBytes: table.byteLength,
    tableCrc: crc32(table),
  };
}

/** A block of a group; `at` from the group's beginning. */
export interface StripPlace {
  readonly at: number;
  readonly storedBytes: number;
  readonly rawBytes: number;
  readonly crc: number;
}

/** Undefined: it is not as many strips, or they are not what fills the group. */
export function stripsOfTable(
  table: Uint8Array,
  stripCount: number,
  storedBytes: number,
): StripPlace[] | undefined {
  if (table.byteLength !== stripCount * STRIP_ENTRY_BYTES) return undefined;
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const strips: StripPlace[] = [];
  let at = table.byteLength;
  for (let entry = 0; entry < table.byteLength; entry += STRIP_ENTRY_BYTES) {
    const strip = {
      at,
      storedBytes: view.getUint32(entry, true),
      rawBytes: view.getUint32(entry + 4, true),
      crc: view.getUint32(entry + 8, true),
    };
    at += strip.storedBytes;
    strips.push(strip);
  }
  return at === storedBytes ? strips : undefined;
}

/** Undefined: damaged. */
export function unpackBlock(
  stored: Uint8Array,
  { rawBytes, crc }: StripPlace,
  bucketCount: number,
): BlockCells | undefined {
  if (crc32(stored) !== crc) return undefined;
  const bytes = inflate(stored, rawBytes);
  return bytes === undefined ? undefined : decodeBlock(bytes, bucketCount * STRIP_UNITS);
}
