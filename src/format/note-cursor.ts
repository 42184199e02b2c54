// SPDX-License-Identifier: Apache-2.0
// Goes over the notes of a chunk, one after the other (docs/format.md 3.5). Most are mappings, in some traces nearly
// one for each access: what they say is numbers here, no objects are made.

import type { TraceError } from '../base/index.ts';
import { type ChunkRecord, chunkError, locateStreams } from './chunk-header.ts';
import { NOTES_STREAM, NoteKind } from './layout.ts';
import { payloadView } from './payload-view.ts';
import { decompress } from './zstd.ts';

const LAST_KIND = NoteKind.region;
/** Pages have numbers of 52 bits. */
const PAGE_HI_BITS = 20;
const MOST_ATTRIBUTES = 1023;
/** Where a page is in NoteCursor.pages. */
const VIRTUAL = 0;
const PHYSICAL = 2;

/**
 * Stands at a note, of which kind and place are read; either skip() or the fields of that kind come next, then next().
 * All throw 'corrupt'.
 */
export class NoteCursor {
  readonly #record: ChunkRecord;
  readonly #bytes: Uint8Array;
  #at = 0;
  /** Number of its kind; 0 behind the last one. */
  kind = 0;
  /** Access and block execution, counted in the stream, that it stands before. */
  ordinal: number;
  block: number;
  /** That runs; at a vcpu note the one that ran before. */
  vcpu: number;
  /** Of the last map note: halves of the virtual page, then of the physical one. */
  readonly pages: Uint32Array = new Uint32Array(4);
  /** Of the translations that map notes tell from here on. */
  attributes = 0;
  /** The last wide varint. */
  #lo = 0;
  #hi = 0;

  constructor(record: ChunkRecord, payload: Uint8Array<ArrayBuffer>) {
    this.#record = record;
    this.#bytes = notesOf(record, payload);
    this.ordinal = record.info.firstOrdinal;
    this.block = record.info.firstBlock;
    this.vcpu = record.info.vcpu;
    this.next();
  }

  next(): void {
    if (this.#at === this.#bytes.length) {
      this.kind = 0;
      return;
    }
    const kind = this.u8();
    if (kind === 0 || kind > LAST_KIND) {
      throw chunkError(this.#record, 'corrupt', 'a note of unknown kind', '1 to 15', `${kind}`);
    }
    this.kind = kind;
    this.block += this.small();
    this.ordinal += this.small();
  }

  /** Passes over what it says, but for what later notes are told by. */
  skip(): void {
    switch (this.kind) {
      case NoteKind.map:
      case NoteKind.mapUnknown:
        this.readPages();
        break;
      case NoteKind.attributes:
        this.readAttributes();
        break;
      case NoteKind.vcpu:
        this.readVcpu();
        break;
      case NoteKind.cr3:
      case NoteKind.wide:
      case NoteKind.gap:
        this.#step(8);
        break;
      case NoteKind.device:
        this.small();
        this.#step(8);
        break;
      case NoteKind.event:
        this.small();
        this.#wide();
        this.#step(16);
        break;
      case NoteKind.cut:
        this.small();
        this.small();
        this.#step(1);
        break;
      case NoteKind.port:
        this.small();
        this.small();
        this.#step(1);
        this.small();
        break;
      case NoteKind.region:
        this.#step(16);
        this.#step(this.small());
        break;
      default: // unmap, phys and page-walk have no fields
    }
  }

  /** Fields of map and map-unknown. */
  readPages(): void {
    this.#addTo(VIRTUAL);
    if (this.kind === NoteKind.map) this.#addTo(PHYSICAL);
  }

  readAttributes(): void {
    const attributes = this.small();
    if (attributes > MOST_ATTRIBUTES) throw this.damaged();
    this.attributes = attributes;
  }

  readVcpu(): void {
    this.vcpu = this.small();
  }

  u8(): number {
    return this.#bytes[this.#step(1)];
  }

  u64(): bigint {
    const low = BigInt(this.#u32());
    return low | (BigInt(this.#u32()) << 32n);
  }

  /** A varint below 2^32. */
  small(): number {
    const first = this.#bytes[this.#at];
    if (first < 128) {
      this.#at++;
      return first; // most are
    }
    this.#wide();
    if (this.#hi !== 0) throw this.damaged();
    return this.#lo >>> 0;
  }

  varint(): bigint {
    this.#wide();
    return BigInt(this.#lo >>> 0) | (BigInt(this.#hi >>> 0) << 32n);
  }

  text(byteCount: number): string {
    const from = this.#step(byteCount);
    return new TextDecoder().decode(this.#bytes.subarray(from, from + byteCount));
  }

  damaged(what = 'notes are damaged'): TraceError {
    return chunkError(this.#record, 'corrupt', what);
  }

  #step(byteCount: number): number {
    const from = this.#at;
    if (from + byteCount > this.#bytes.length) throw this.damaged();
    this.#at += byteCount;
    return from;
  }

  #u32(): number {
    const from = this.#step(4);
    const bytes = this.#bytes;
    const high = (bytes[from + 2] << 16) | (bytes[from + 3] << 24);
    return (bytes[from] | (bytes[from + 1] << 8) | high) >>> 0;
  }

  /** Adds a zigzag varint to one of the pages, modulo 2^64 as all of its arithmetic is. */
  #addTo(page: number): void {
    this.#wide();
    const { pages } = this;
    const sign = -(this.#lo & 1);
    const low = (((this.#lo >>> 1) | (this.#hi << 31)) ^ sign) >>> 0;
    const sum = pages[page] + low;
    pages[page] = sum;
    pages[page + 1] += ((this.#hi >>> 1) ^ sign) + (sum >= 2 ** 32 ? 1 : 0);
    if (pages[page + 1] >>> PAGE_HI_BITS !== 0) throw this.damaged();
  }

  /** A varint to #lo and #hi. */
  #wide(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let lo = 0;
    let hi = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= bytes.length) break;
      const byte = bytes[at++];
      const part = byte & 127;
      if (shift < 32) lo |= part << shift;
      if (shift === 28) hi = part >> 4;
      else if (shift > 28) hi |= part << (shift - 32);
      if (byte >= 128) continue;
      if (shift === 63 && part > 1) break;
      this.#at = at;
      this.#lo = lo;
      this.#hi = hi;
      return;
    }
    throw this.damaged();
  }
}

function notesOf(record: ChunkRecord, payload: Uint8Array<ArrayBuffer>): Uint8Array {
  const extents = locateStreams(payloadView(record.section, payload), record.info);
  const { rawBytes, storedBytes, payloadAt } = extents[NOTES_STREAM];
  const stored = payload.subarray(payloadAt, payloadAt + storedBytes);
  const raw = rawBytes === storedBytes ? stored : decompress(stored, rawBytes);
  if (raw === undefined) throw chunkError(record, 'corrupt', 'stream notes does not decompress');
  return raw;
}
