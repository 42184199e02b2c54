// SPDX-License-Identifier: Apache-2.0
// The notes of a trace as objects with their places: what happened besides accesses and blocks.

import { TraceError } from '../base/index.ts';
import { type ChunkRecord, chunkError, locateStreams } from './chunk-header.ts';
import { CUT_CAUSES, NOTES_STREAM, NoteKind } from './layout.ts';
import { payloadView } from './payload-view.ts';
import { requireWhole } from './request.ts';
import { decompress } from './zstd.ts';

/** In the order of their numbers, from 1. */
export const NOTE_NAMES = [
  'map',
  'map-unknown',
  'unmap',
  'vcpu',
  'cr3',
  'device',
  'wide',
  'phys',
  'event',
  'cut',
  'gap',
  'page-walk',
  'attributes',
  'port',
  'region',
] as const;

export type NoteName = (typeof NOTE_NAMES)[number];

export type CutCause = (typeof CUT_CAUSES)[number];

/** Bits of an event's `what`, above its vector (docs/format.md 3.6). */
export const EventFlag = {
  /** An interrupt from outside. */
  hardware: 0x100,
  /** INT n, INT3, INTO. */
  software: 0x200,
  smmEntered: 0x400,
  smmLeft: 0x800,
  /** Triple fault, then reset. */
  reset: 0x1000,
  /** The accesses of its delivery follow. */
  delivered: 0x2000,
  /** QEMU loaded a snapshot: memory and CPUs are others from here on. */
  restored: 0x4000,
  /** A nested guest was left: `error` is the exit code, `cr2` EXITINFO2. */
  guestExit: 0x8000,
  /** Which vCPU it is of cannot be known. */
  vcpuUnknown: 0x2_0000,
} as const;

/** Where a note stands: before the access and the block execution of these positions in the stream. */
export interface NotePlace {
  readonly stream: number;
  readonly chunkIndex: number;
  readonly ordinal: number;
  readonly block: number;
  /** The vCPU that runs; for a vcpu note the one that ran before. */
  readonly vcpu: number;
}

export type NoteBody =
  | { readonly kind: 'map'; readonly vpage: bigint; readonly ppage: bigint }
  | { readonly kind: 'map-unknown'; readonly vpage: bigint }
  | { readonly kind: 'unmap' }
  | { readonly kind: 'vcpu'; readonly next: number }
  | { readonly kind: 'cr3'; readonly cr3: bigint }
  | { readonly kind: 'device'; readonly part: number; readonly paddr: bigint }
  | { readonly kind: 'wide'; readonly vaddr: bigint }
  | { readonly kind: 'phys' }
  | {
      readonly kind: 'event';
      readonly vector: number;
      /** The vector and EventFlag bits. */
      readonly what: number;
      readonly error: bigint;
      readonly ip: bigint;
      readonly cr2: bigint;
    }
  | {
      readonly kind: 'cut';
      readonly executed: number;
      readonly aborted: number;
      readonly cause: CutCause;
    }
  /** Recording was paused and goes on here, this long after it began. */
  | { readonly kind: 'gap'; readonly hostNs: bigint }
  | { readonly kind: 'page-walk' }
  /** Of the translations that map notes tell from here on; undefined when they are not known. */
  | { readonly kind: 'attributes'; readonly attributes: PageAttributes | undefined }
  | PortNote
  /** Device addresses first to last belong to this memory region of QEMU's from here on. */
  | {
      readonly kind: 'region';
      readonly first: bigint;
      readonly last: bigint;
      readonly name: string;
    };

/** What the paging structures say of a page, all levels together (Intel SDM 3A 4.6). */
export interface PageAttributes {
  readonly write: boolean;
  readonly user: boolean;
  readonly noExecute: boolean;
  readonly global: boolean;
  /** Bytes of the page; 0 with paging off. */
  readonly pageBytes: number;
}

/** An in or out of the block execution before `block`. */
export interface PortNote {
  readonly kind: 'port';
  /** Index of the instruction; it did not complete when the block execution was left before it. */
  readonly insn: number;
  /** Undefined when it is not known. */
  readonly port: number | undefined;
  /** Bytes of a transfer: 1, 2, 4. */
  readonly size: number;
  readonly out: boolean;
  /** A string instruction: each of its accesses is a transfer, or its iterations are. */
  readonly string: boolean;
  /** Undefined when it is not known, and of string instructions. */
  readonly value: number | undefined;
}

export type TraceNote = NotePlace & NoteBody;

export interface NoteOptions {
  readonly stream?: number;
  /** Default: vcpu, cr3, event, cut, gap. The other kinds describe single pages and accesses. */
  readonly kinds?: readonly NoteName[];
  readonly signal?: AbortSignal;
}

const DEFAULT_NOTES: readonly NoteName[] = ['vcpu', 'cr3', 'event', 'cut', 'gap'];

/** Options with their defaults, checked. */
export interface NotePlan {
  readonly stream: number | undefined;
  readonly kinds: ReadonlySet<NoteName>;
}

/** Throws 'bad-argument' for a kind that there is not, and for a stream that is not one of these. */
export function planNotes(
  { stream, kinds: names = DEFAULT_NOTES }: NoteOptions,
  streams: ReadonlySet<number>,
): NotePlan {
  for (const name of names) {
    if (!NOTE_NAMES.includes(name)) {
      throw new TraceError('bad-argument', 'there is no such kind of note', {
        expected: NOTE_NAMES.join(', '),
        found: name,
      });
    }
  }
  if (stream !== undefined && !streams.has(requireWhole(stream, 'stream'))) {
    throw new TraceError('bad-argument', 'the trace has no such stream', {
      expected: streams.size === 0 ? 'none' : [...streams].sort((a, b) => a - b).join(', '),
      found: String(stream),
    });
  }
  return { stream, kinds: new Set(names) };
}

/** Bytes that stand in each kind of note: v a varint, b a byte, q eight bytes, t a varint and so many bytes. */
const FIELDS: Readonly<Record<NoteName, string>> = {
  map: 'vv',
  'map-unknown': 'v',
  unmap: '',
  vcpu: 'v',
  cr3: 'q',
  device: 'vq',
  wide: 'q',
  phys: '',
  event: 'vvqq',
  cut: 'vvb',
  gap: 'q',
  'page-walk': '',
  attributes: 'v',
  port: 'vvbv',
  region: 'qqt',
};

/** Those that later notes of a chunk are told by, when these are wanted. */
function neededFor(kinds: ReadonlySet<NoteName>): ReadonlySet<NoteName> {
  const needed = new Set(kinds).add('vcpu');
  if (kinds.has('map') || kinds.has('map-unknown')) needed.add('map').add('map-unknown');
  return needed;
}

/** The notes of these kinds in a chunk. Throws 'corrupt'. */
export function* decodeNotes(
  record: ChunkRecord,
  payload: Uint8Array<ArrayBuffer>,
  kinds: ReadonlySet<NoteName>,
): Generator<TraceNote, void, undefined> {
  const needed = neededFor(kinds);
  for (const note of decodeNeeded(record, payload, needed)) if (kinds.has(note.kind)) yield note;
}

function* decodeNeeded(
  record: ChunkRecord,
  payload: Uint8Array<ArrayBuffer>,
  needed: ReadonlySet<NoteName>,
): Generator<TraceNote, void, undefined> {
  const { info } = record;
  const reader = noteReader(record, notesOf(record, payload));
  let ordinal = info.firstOrdinal;
  let block = info.firstBlock;
  let { vcpu } = info;
  let vpage = 0n;
  let ppage = 0n;
  while (!reader.atEnd()) {
    const kind = reader.u8();
    block += reader.small();
    ordinal += reader.small();
    const name = NOTE_NAMES[kind - 1];
    if (name !== undefined && !needed.has(name)) {
      skipFields(reader, FIELDS[name]);
      continue;
    }
    const place = { stream: info.stream, chunkIndex: info.chunkIndex, ordinal, block, vcpu };
    switch (kind) {
      case NoteKind.map:
        vpage += unzigzag(reader.varint());
        ppage += unzigzag(reader.varint());
        yield { ...place, kind: 'map', vpage, ppage };
        break;
      case NoteKind.mapUnknown:
        vpage += unzigzag(reader.varint());
        yield { ...place, kind: 'map-unknown', vpage };
        break;
      case NoteKind.unmap:
        yield { ...place, kind: 'unmap' };
        break;
      case NoteKind.vcpu:
        vcpu = reader.small();
        yield { ...place, kind: 'vcpu', next: vcpu };
        break;
      case NoteKind.cr3:
        yield { ...place, kind: 'cr3', cr3: reader.u64() };
        break;
      case NoteKind.device:
        yield { ...place, kind: 'device', part: reader.small(), paddr: reader.u64() };
        break;
      case NoteKind.wide:
        yield { ...place, kind: 'wide', vaddr: reader.u64() };
        break;
      case NoteKind.phys:
        yield { ...place, kind: 'phys' };
        break;
      case NoteKind.event:
        yield { ...place, ...readEvent(reader) };
        break;
      case NoteKind.cut:
        yield { ...place, ...readCut(record, reader) };
        break;
      case NoteKind.gap:
        yield { ...place, kind: 'gap', hostNs: reader.u64() };
        break;
      case NoteKind.pageWalk:
        yield { ...place, kind: 'page-walk' };
        break;
      case NoteKind.attributes:
        yield { ...place, kind: 'attributes', attributes: pageAttributes(reader.small()) };
        break;
      case NoteKind.port:
        yield { ...place, ...readPort(reader) };
        break;
      case NoteKind.region:
        yield { ...place, ...readRegion(reader) };
        break;
      default:
        throw chunkError(record, 'corrupt', 'a note of unknown kind', '1 to 15', `${kind}`);
    }
  }
}

function skipFields(reader: NoteReader, fields: string): void {
  // Most notes are passed over: an iterator of the text would take longer than they do.
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    if (field === 'v') reader.skipVarint();
    else if (field === 't') reader.skip(reader.small());
    else reader.skip(field === 'q' ? 8 : 1);
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

function readEvent(reader: NoteReader): Extract<NoteBody, { kind: 'event' }> {
  const what = reader.small();
  return {
    kind: 'event',
    vector: what & 255,
    what,
    error: reader.varint(),
    ip: reader.u64(),
    cr2: reader.u64(),
  };
}

function readCut(record: ChunkRecord, reader: NoteReader): Extract<NoteBody, { kind: 'cut' }> {
  const executed = reader.small();
  const aborted = reader.small();
  const cause = CUT_CAUSES.at(reader.u8() - 1);
  if (cause === undefined) throw chunkError(record, 'corrupt', 'a cut of unknown cause');
  return { kind: 'cut', executed, aborted, cause };
}

function pageAttributes(bits: number): PageAttributes | undefined {
  if (bits === 0) return undefined;
  const shift = bits >> 4;
  return {
    write: (bits & 1) !== 0,
    user: (bits & 2) !== 0,
    noExecute: (bits & 4) !== 0,
    global: (bits & 8) !== 0,
    pageBytes: shift === 1 ? 0 : 2 ** shift,
  };
}

function readPort(reader: NoteReader): PortNote {
  const insn = reader.small();
  const port = reader.small();
  const what = reader.u8();
  const value = reader.small();
  return {
    kind: 'port',
    insn,
    port: (what & 32) === 0 ? port : undefined,
    size: 1 << ((what >> 1) & 3),
    out: (what & 1) !== 0,
    string: (what & 16) !== 0,
    value: (what & 8) === 0 ? undefined : value,
  };
}

function readRegion(reader: NoteReader): Extract<NoteBody, { kind: 'region' }> {
  const first = reader.u64();
  const last = reader.u64();
  return { kind: 'region', first, last, name: reader.text(reader.small()) };
}

interface NoteReader {
  atEnd(): boolean;
  u8(): number;
  text(byteCount: number): string;
  u64(): bigint;
  varint(): bigint;
  /** A varint below 2^32. */
  small(): number;
  skip(byteCount: number): void;
  skipVarint(): void;
}

function noteReader(record: ChunkRecord, bytes: Uint8Array): NoteReader {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const step = (byteCount: number): number => {
    if (at + byteCount > bytes.byteLength) throw damaged();
    at += byteCount;
    return at - byteCount;
  };
  const damaged = (): TraceError => chunkError(record, 'corrupt', 'notes are damaged');
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = data.getUint8(step(1));
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) {
        if (value > 0xffff_ffff_ffff_ffffn) throw damaged();
        return value;
      }
    }
    throw damaged();
  };
  return {
    atEnd: () => at === bytes.byteLength,
    u8: () => data.getUint8(step(1)),
    u64: () => data.getBigUint64(step(8), true),
    varint,
    text: (byteCount) => {
      const from = step(byteCount);
      return new TextDecoder().decode(bytes.subarray(from, from + byteCount));
    },
    skip(byteCount) {
      step(byteCount);
    },
    skipVarint() {
      for (let length = 1; data.getUint8(step(1)) >= 128; length++) {
        if (length === 10) throw damaged();
      }
    },
    small() {
      const first = at < bytes.byteLength ? data.getUint8(at) : 128;
      if (first < 128) {
        at++;
        return first; // most are
      }
      const value = varint();
      if (value > 0xffff_ffffn) throw damaged();
      return Number(value);
    },
  };
}

function unzigzag(value: bigint): bigint {
  return (value & 1n) === 0n ? value >> 1n : -(value >> 1n) - 1n;
}
