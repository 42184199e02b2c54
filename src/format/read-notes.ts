// SPDX-License-Identifier: Apache-2.0
// The notes of a trace as objects with their places: what happened besides accesses and blocks.

import { TraceError } from '../base/index.ts';
import type { ChunkRecord } from './chunk-header.ts';
import { CUT_CAUSES, NoteKind } from './layout.ts';
import { NoteCursor } from './note-cursor.ts';
import { requireWhole } from './request.ts';

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

/** The notes of these kinds in a chunk. Throws 'corrupt'. */
export function* decodeNotes(
  record: ChunkRecord,
  payload: Uint8Array<ArrayBuffer>,
  kinds: ReadonlySet<NoteName>,
): Generator<TraceNote, void, undefined> {
  const wanted = markKinds(kinds);
  const cursor = new NoteCursor(record, payload);
  for (; cursor.kind !== 0; cursor.next()) {
    if (wanted[cursor.kind] === 0) cursor.skip();
    else yield readNote(record, cursor);
  }
}

/** By number of the kind: 1 when it is one of these. */
export function markKinds(kinds: ReadonlySet<NoteName>): Uint8Array {
  return Uint8Array.from([0, ...NOTE_NAMES.map((name) => Number(kinds.has(name)))]);
}

/** The note that the cursor stands at, which then stands behind its fields. */
export function readNote({ info }: ChunkRecord, cursor: NoteCursor): TraceNote {
  const { ordinal, block, vcpu } = cursor;
  const place = { stream: info.stream, chunkIndex: info.chunkIndex, ordinal, block, vcpu };
  return { ...place, ...readBody(cursor) };
}

function readBody(cursor: NoteCursor): NoteBody {
  switch (cursor.kind) {
    case NoteKind.map:
      cursor.readPages();
      return { kind: 'map', vpage: pageOf(cursor, 0), ppage: pageOf(cursor, 2) };
    case NoteKind.mapUnknown:
      cursor.readPages();
      return { kind: 'map-unknown', vpage: pageOf(cursor, 0) };
    case NoteKind.unmap:
      return { kind: 'unmap' };
    case NoteKind.vcpu:
      cursor.readVcpu();
      return { kind: 'vcpu', next: cursor.vcpu };
    case NoteKind.cr3:
      return { kind: 'cr3', cr3: cursor.u64() };
    case NoteKind.device:
      return { kind: 'device', part: cursor.small(), paddr: cursor.u64() };
    case NoteKind.wide:
      return { kind: 'wide', vaddr: cursor.u64() };
    case NoteKind.phys:
      return { kind: 'phys' };
    case NoteKind.event:
      return readEvent(cursor);
    case NoteKind.cut:
      return readCut(cursor);
    case NoteKind.gap:
      return { kind: 'gap', hostNs: cursor.u64() };
    case NoteKind.pageWalk:
      return { kind: 'page-walk' };
    case NoteKind.attributes:
      cursor.readAttributes();
      return { kind: 'attributes', attributes: pageAttributes(cursor.attributes) };
    case NoteKind.port:
      return readPort(cursor);
    case NoteKind.region:
      return readRegion(cursor);
    default:
      throw new Error(`internal: the cursor stands at a note of kind ${cursor.kind}`);
  }
}

function pageOf({ pages }: NoteCursor, at: number): bigint {
  return BigInt(pages[at]) | (BigInt(pages[at + 1]) << 32n);
}

function readEvent(cursor: NoteCursor): Extract<NoteBody, { kind: 'event' }> {
  const what = cursor.small();
  return {
    kind: 'event',
    vector: what & 255,
    what,
    error: cursor.varint(),
    ip: cursor.u64(),
    cr2: cursor.u64(),
  };
}

function readCut(cursor: NoteCursor): Extract<NoteBody, { kind: 'cut' }> {
  const executed = cursor.small();
  const aborted = cursor.small();
  const cause = CUT_CAUSES[cursor.u8() - 1];
  if (cause === undefined) throw cursor.damaged('a cut of unknown cause');
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

function readPort(cursor: NoteCursor): PortNote {
  const insn = cursor.small();
  const port = cursor.small();
  const what = cursor.u8();
  const value = cursor.small();
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

function readRegion(cursor: NoteCursor): Extract<NoteBody, { kind: 'region' }> {
  const first = cursor.u64();
  const last = cursor.u64();
  return { kind: 'region', first, last, name: cursor.text(cursor.small()) };
}
