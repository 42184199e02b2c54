// SPDX-License-Identifier: Apache-2.0
// Puts what the kernel needs into its memory: the block table, once, and the streams of a chunk.
// The layout of a block is that of kernel/memory-map.ts.

import { type ChunkRecord, chunkError, type StreamExtent } from './chunk-header.ts';
import type { CodePart } from './code-table.ts';
import {
  CODE_ENTRY_BYTES,
  CODE_FLAG_DELIVERY,
  CODE_FLAG_LAST_REP,
  CODE_FLAG_MODE_KNOWN,
  STREAM_NAMES,
} from './layout.ts';
import { decompressInto } from './zstd.ts';

export const BLOCK_BYTES = 64;
/** Behind each stream, so that a 64-bit read at its last byte stays inside. */
const STREAM_PADDING = 8;
const CPL_UNKNOWN = 255;

export function countInsns(parts: readonly CodePart[]): number {
  let count = 0;
  for (const part of parts) {
    for (const at of part.entryAt) count += part.data.getUint16(at + 16, true);
  }
  return count;
}

/** Writes 64 bytes for each block at tableAt and the offset of each instruction at offsetsAt. */
export function writeBlockTable(
  parts: readonly CodePart[],
  memory: ArrayBuffer,
  tableAt: number,
  offsetsAt: number,
): void {
  const words = new Uint32Array(memory);
  const halves = new Uint16Array(memory);
  const bytes = new Uint8Array(memory);
  let block = tableAt;
  let offset = offsetsAt;
  for (const { entryAt, data, raw } of parts) {
    for (const at of entryAt) {
      const vaddrLo = data.getUint32(at, true);
      const vaddrHi = data.getUint32(at + 4, true);
      const flags = data.getUint32(at + 12, true);
      const insnCount = data.getUint16(at + 16, true);
      let insnAt = 0;
      for (let i = 0; i < insnCount; i++) {
        halves[(offset >>> 1) + i] = insnAt;
        if (i < insnCount - 1) insnAt += raw[at + CODE_ENTRY_BYTES + i];
      }
      offset += insnCount * 2;
      words[block >>> 2] = vaddrLo;
      words[(block >>> 2) + 1] = vaddrHi;
      const lastLo = vaddrLo + insnAt;
      words[(block >>> 2) + 2] = lastLo;
      words[(block >>> 2) + 3] = vaddrHi + (lastLo > 0xffff_ffff ? 1 : 0);
      words[(block >>> 2) + 4] = offset - insnCount * 2;
      // B_EPOCH, "in no chunk yet": in memory that another trace has used anything may stand there.
      words[(block >>> 2) + 6] = 0;
      halves[(block >>> 1) + 10] = insnCount;
      const modeKnown = (flags & CODE_FLAG_MODE_KNOWN) !== 0;
      bytes[block + 22] = modeKnown ? data.getUint32(at + 8, true) & 3 : CPL_UNKNOWN;
      bytes[block + 23] = (flags & CODE_FLAG_LAST_REP) === 0 ? 0 : 1;
      bytes[block + 60] = (flags & CODE_FLAG_DELIVERY) === 0 ? 0 : 1;
      block += BLOCK_BYTES;
    }
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
