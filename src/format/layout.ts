// SPDX-License-Identifier: Apache-2.0
// The numbers of docs/format.md. Mirror of plugin/src/layout.h; a test compares the two.

export const FILE_MAGIC = 'MEMTRACE';
export const FORMAT_VERSION = 3;
export const FILE_HEADER_BYTES = 16;

export const SECTION_MAGIC = 0x4345534c;
export const SECTION_HEADER_BYTES = 24;
export const NO_STREAM = 0xffffffff;

export const SectionKind = {
  header: 1,
  code: 2,
  chunk: 3,
  totals: 4,
  index: 5,
  trailer: 6,
} as const;

export type SectionName = keyof typeof SectionKind;

export const CODE_HEADER_BYTES = 16;
/** Of an entry of the code table: what comes before the instruction lengths. */
export const CODE_ENTRY_BYTES = 20;
export const CODE_FLAG_MODE_KNOWN = 1;
export const CODE_FLAG_LAST_REP = 2;
export const CODE_FLAG_DELIVERY = 4;
export const MAX_BLOCK_INSNS = 512;
export const MAX_INSN_BYTES = 15;

export const CHUNK_HEADER_BYTES = 104;
export const VCPU_STATE_BYTES = 32;
export const STREAM_SIZE_BYTES = 8;

/** Slots of a chunk's table of pages (section 3.5): what the recorder writes, and older files, which say 0 or this. */
export const PAGE_SLOTS = 4096;
export const OLD_PAGE_SLOTS = 2048;

/** The streams of a chunk, in order. */
export const STREAM_NAMES = [
  'blockRuns',
  'blockCodes',
  'blockIds',
  'shapes',
  'accessRuns',
  'accessCodes',
  'delta1',
  'delta2',
  'delta3',
  'delta6',
  'notes',
] as const;
export const STREAM_COUNT: number = STREAM_NAMES.length;
export const NOTES_STREAM: number = STREAM_NAMES.indexOf('notes');
/** The streams that only addresses are made of, from this one to that. */
export const FIRST_ADDRESS_STREAM: number = STREAM_NAMES.indexOf('accessRuns');
export const LAST_ADDRESS_STREAM: number = STREAM_NAMES.indexOf('delta6');

export const INDEX_HEADER_BYTES = 8;
export const INDEX_ENTRY_BYTES = 64;
export const TRAILER_BYTES = 8;

export const NoteKind = {
  map: 1,
  mapUnknown: 2,
  unmap: 3,
  vcpu: 4,
  cr3: 5,
  device: 6,
  wide: 7,
  phys: 8,
  event: 9,
  cut: 10,
  gap: 11,
  pageWalk: 12,
  attributes: 13,
  port: 14,
  region: 15,
} as const;

export const CUT_CAUSES = [
  'exception',
  'device',
  'modified-code',
  'rep-suspended',
  'limit',
] as const;

// Section 5: what a file may hold.
export const MAX_SECTION_BYTES: number = 2 ** 30;
export const MAX_CHUNK_ACCESSES: number = 2 ** 25;
export const MAX_CHUNK_BLOCKS: number = 2 ** 25;
export const MAX_CHUNK_NOTES: number = 2 ** 24;
export const MAX_STREAM_BYTES: number = 2 ** 28;
export const MAX_BLOCKS: number = 2 ** 28;
export const MAX_VCPUS = 1024;
