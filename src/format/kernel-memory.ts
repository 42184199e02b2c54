// SPDX-License-Identifier: Apache-2.0
// Puts what the kernel needs into its memory: the block table, once, and the streams of a chunk.
// The layout of a block is that of kernel/memory-map.ts.

import { type ChunkRecord, chunkError, type StreamExtent } from './chunk-header.ts';
import type { CodePart } from './code-table.ts';
import { STREAM_NAMES } from './layout.ts';
import { decompressInto } from './zstd.ts';

export const BLOCK_BYTES = 64;
/** Behind each stream, so that a 64-bit read at its last byte stays inside. */
const STREAM_PADDING = 8;

/** The kernel's function that makes blocks of entries: kernel/code.ts. */
interface BlockMaker {
  readonly memory: WebAssembly.Memory;
  addBlocks(entries: number, count: number, table: number, offsets: number): number;
}

/** Bytes of the offsets that writeBlockTable will write. */
export function offsetRoom(parts: readonly CodePart[]): number {
  return 2 * parts.reduce((sum, { insnCount }) => sum + insnCount, 0);
}

/** Bytes that writeBlockTable needs for the entries meanwhile. */
export function entryRoom(parts: readonly CodePart[]): number {
  return parts.reduce((most, { raw }) => Math.max(most, raw.byteLength), 0);
}

/** Writes BLOCK_BYTES for each block at tableAt and the offset of each instruction at offsetsAt; leaves entries at entriesAt. */
export function writeBlockTable(
  parts: readonly CodePart[],
  kernel: BlockMaker,
  tableAt: number,
  offsetsAt: number,
  entriesAt: number,
): void {
  let offset = offsetsAt;
  for (const { firstId, entryAt, raw } of parts) {
    new Uint8Array(kernel.memory.buffer).set(raw, entriesAt);
    const blockAt = tableAt + firstId * BLOCK_BYTES;
    offset = kernel.addBlocks(entriesAt, entryAt.length, blockAt, offset);
  }
}

/** Bytes that placeStreams will use. */
export function streamRoom(extents: readonly StreamExtent[]): number {
  return extents.reduce((sum, extent) => sum + roomOf(extent.rawBytes), 0);
}

/** Decompresses the streams to beginAt and writes their table (pointer, end) to tableAt. */
export function placeStreams(
  record: ChunkRecord,
  payload: Uint8Array,
  extents: readonly StreamExtent[],
  memory: ArrayBuffer,
  tableAt: number,
  beginAt: number,
): void {
  const bytes = new Uint8Array(memory);
  const table = new Uint32Array(memory, tableAt, extents.length * 2);
  let at = beginAt;
  extents.forEach(({ rawBytes, storedBytes, payloadAt }, i) => {
    const stored = payload.subarray(payloadAt, payloadAt + storedBytes);
    if (storedBytes === rawBytes) bytes.set(stored, at);
    else if (!decompressInto(stored, bytes.subarray(at, at + rawBytes))) {
      throw chunkError(record, 'corrupt', `stream ${STREAM_NAMES[i]} does not decompress`);
    }
    bytes.fill(0, at + rawBytes, at + roomOf(rawBytes));
    table[i * 2] = at;
    table[i * 2 + 1] = at + rawBytes;
    at += roomOf(rawBytes);
  });
}

function roomOf(rawBytes: number): number {
  return Math.ceil((rawBytes + STREAM_PADDING) / 8) * 8;
}
