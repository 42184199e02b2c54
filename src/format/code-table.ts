// SPDX-License-Identifier: Apache-2.0
// The code table: what each block id stands for (docs/format.md section 2). Grows in a builder, section
// by section; the table reads the entries where they lie.

import { partitionPoint, TraceError } from '../base/index.ts';
import {
  CODE_ENTRY_BYTES,
  CODE_FLAG_DELIVERY,
  CODE_FLAG_LAST_REP,
  CODE_FLAG_MODE_KNOWN,
  CODE_HEADER_BYTES,
  MAX_BLOCK_INSNS,
  MAX_BLOCKS,
  MAX_INSN_BYTES,
  MAX_STREAM_BYTES,
} from './layout.ts';
import { type PayloadView, payloadView } from './payload-view.ts';
import type { Section } from './section.ts';
import { decompressInto, isPossibleRawSize } from './zstd.ts';

const CODE_FLAGS = CODE_FLAG_MODE_KNOWN | CODE_FLAG_LAST_REP | CODE_FLAG_DELIVERY;

/** What the reader keeps in memory of code, at most: 2^24 blocks, 1 GiB of entries. */
const MAX_HELD_BLOCKS = 2 ** 24;
const MAX_HELD_BYTES = 2 ** 30;

/** Blocks by id, 0 to blockCount - 1. Every method throws RangeError for another id. */
export interface CodeTable {
  readonly blockCount: number;
  /** Linear address of the first instruction. */
  vaddr(id: number): bigint;
  insnCount(id: number): number;
  /** QEMU's hflags (bits 0-1 CPL, 4 CS32, 7 PE, 14 LMA, 15 CS64...); undefined when not known. */
  mode(id: number): number | undefined;
  /**
   * Bit 0: the mode is known; bit 1: the last instruction is a rep string instruction; bit 2: no code,
   * the block stands for the delivery of an event.
   */
  flags(id: number): number;
  /** Offset of each instruction from the block's first byte; insnCount(id) elements, a fresh array. */
  insnOffsets(id: number): Uint16Array;
  /** The code of the block: a view, not to be written to. */
  bytes(id: number): Uint8Array;
}

/** The table and where its entries lie, for the decoder. */
export interface HeldCode {
  readonly table: CodeTable;
  readonly parts: readonly CodePart[];
}

export interface CodeTableBuilder {
  readonly blockCount: number;
  /** Adds what a code section holds; complete or not at all. Throws 'corrupt', 'limit'. */
  append(section: Section, payload: Uint8Array<ArrayBuffer>): void;
  finish(): HeldCode;
}

/** The entries of one code section, checked: docs/format.md section 2. Plain data, in memory that threads share. */
export interface CodePart {
  readonly firstId: number;
  /** Where each entry begins in raw. */
  readonly entryAt: Uint32Array;
  readonly raw: Uint8Array;
  readonly data: DataView;
  /** Of all entries. */
  readonly insnCount: number;
}

export function codeTableBuilder(): CodeTableBuilder {
  const parts: CodePart[] = [];
  let blockCount = 0;
  let heldBytes = 0;
  return {
    get blockCount() {
      return blockCount;
    },
    append(section, payload) {
      const part = decodePart(payloadView(section, payload), blockCount);
      heldBytes += part.raw.byteLength;
      if (blockCount + part.entryAt.length > MAX_HELD_BLOCKS || heldBytes > MAX_HELD_BYTES) {
        throw new TraceError('limit', 'the code table is too large to hold in memory', {
          fileOffset: section.fileOffset,
          blockIndex: section.sectionIndex,
          expected: `at most ${MAX_HELD_BLOCKS} blocks and ${MAX_HELD_BYTES} bytes`,
        });
      }
      parts.push(part);
      blockCount += part.entryAt.length;
    },
    finish: () => holdCode(parts),
  };
}

function decodePart(view: PayloadView, expectedFirstId: number): CodePart {
  const firstId = view.u32(0);
  const count = view.u32(4);
  const rawBytes = view.u32(8);
  const storedBytes = view.u32(12);
  if (firstId !== expectedFirstId) {
    throw view.error('ids do not continue', 0, String(expectedFirstId), String(firstId));
  }
  if (firstId + count > MAX_BLOCKS) throw view.error('too many blocks', 4);
  const stored = view.bytes(CODE_HEADER_BYTES, view.byteLength);
  if (stored.byteLength !== storedBytes) {
    throw view.error('its size differs', 12, `${stored.byteLength} bytes`, `${storedBytes}`);
  }
  if (rawBytes > MAX_STREAM_BYTES || !isPossibleRawSize(rawBytes, storedBytes)) {
    throw view.error('an impossible size', 8, undefined, `${rawBytes} bytes`);
  }
  if (count * CODE_ENTRY_BYTES > rawBytes) {
    throw view.error('too few bytes for its count', 4, undefined, `${count} in ${rawBytes} bytes`);
  }
  const raw = sharableBytes(rawBytes);
  if (storedBytes === rawBytes) raw.set(stored);
  else if (!decompressInto(stored, raw)) {
    throw view.error('it does not decompress', CODE_HEADER_BYTES);
  }
  const data = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const entryAt = new Uint32Array(sharableBytes(4 * count).buffer);
  let at = 0;
  let insnCount = 0;
  for (let i = 0; i < count; i++) {
    entryAt[i] = at;
    at = checkEntry(view, data, raw, at, firstId + i);
    insnCount += data.getUint16(entryAt[i] + 16, true);
  }
  if (at !== rawBytes) {
    throw view.error('bytes are left over behind the last entry', CODE_HEADER_BYTES);
  }
  return { firstId, entryAt, raw, data, insnCount };
}

/** Memory that other threads can see, too, where there is such: all threads of a pass read one table. */
function sharableBytes(byteCount: number): Uint8Array {
  return new Uint8Array(
    typeof SharedArrayBuffer === 'undefined'
      ? new ArrayBuffer(byteCount)
      : new SharedArrayBuffer(byteCount),
  );
}

/** Returns where the next entry begins. */
function checkEntry(
  view: PayloadView,
  data: DataView,
  raw: Uint8Array,
  at: number,
  id: number,
): number {
  const wrong = (what: string): TraceError => view.error(`block ${id}: ${what}`, CODE_HEADER_BYTES);
  if (at + CODE_ENTRY_BYTES > raw.byteLength) throw wrong('the entries end inside it');
  const flags = data.getUint32(at + 12, true);
  const insnCount = data.getUint16(at + 16, true);
  const codeBytes = data.getUint16(at + 18, true);
  const delivery = (flags & CODE_FLAG_DELIVERY) !== 0;
  if ((flags & ~CODE_FLAGS) !== 0) throw wrong('reserved flags');
  if ((insnCount === 0) !== delivery || insnCount > MAX_BLOCK_INSNS) {
    throw wrong('impossible instruction count');
  }
  const lengthsAt = at + CODE_ENTRY_BYTES;
  if (lengthsAt + insnCount + codeBytes > raw.byteLength) throw wrong('the entries end inside it');
  let sum = 0;
  for (let i = 0; i < insnCount; i++) {
    const insnBytes = raw[lengthsAt + i];
    if (insnBytes < 1 || insnBytes > MAX_INSN_BYTES) throw wrong('impossible instruction length');
    sum += insnBytes;
  }
  if (sum !== codeBytes) throw wrong('instruction lengths do not add up');
  return lengthsAt + insnCount + codeBytes;
}

/** All entries of a trace, in their order. */
export function holdCode(parts: readonly CodePart[]): HeldCode {
  const blockCount = parts.reduce((sum, { entryAt }) => sum + entryAt.length, 0);
  return { table: tableOfParts(parts, blockCount), parts };
}

function tableOfParts(parts: readonly CodePart[], blockCount: number): CodeTable {
  // Ids are asked for in runs: most look-ups hit the part of the one before.
  let recent: CodePart = parts[0];
  const partOf = (id: number): CodePart => {
    if (!Number.isInteger(id) || id < 0 || id >= blockCount) {
      throw new RangeError(`block ${id} is not among the ${blockCount} of the code table`);
    }
    if (id < recent.firstId || id >= recent.firstId + recent.entryAt.length) {
      recent = parts[partitionPoint(parts.length, (part) => parts[part].firstId <= id) - 1];
    }
    return recent;
  };
  const entryOf = (part: CodePart, id: number): number => part.entryAt[id - part.firstId];
  const u16 = (id: number, field: number): number => {
    const part = partOf(id);
    return part.data.getUint16(entryOf(part, id) + field, true);
  };
  const flagsOf = (id: number): number => {
    const part = partOf(id);
    return part.data.getUint32(entryOf(part, id) + 12, true);
  };
  return {
    blockCount,
    vaddr(id) {
      const part = partOf(id);
      return part.data.getBigUint64(entryOf(part, id), true);
    },
    insnCount: (id) => u16(id, 16),
    mode(id) {
      const part = partOf(id);
      const known = (flagsOf(id) & CODE_FLAG_MODE_KNOWN) !== 0;
      return known ? part.data.getUint32(entryOf(part, id) + 8, true) : undefined;
    },
    flags: flagsOf,
    insnOffsets(id) {
      const part = partOf(id);
      const lengthsAt = entryOf(part, id) + CODE_ENTRY_BYTES;
      const offsets = new Uint16Array(u16(id, 16));
      for (let i = 1; i < offsets.length; i++) {
        offsets[i] = offsets[i - 1] + part.raw[lengthsAt + i - 1];
      }
      return offsets;
    },
    bytes(id) {
      const part = partOf(id);
      const begin = entryOf(part, id) + CODE_ENTRY_BYTES + u16(id, 16);
      return part.raw.subarray(begin, begin + u16(id, 18));
    },
  };
}
