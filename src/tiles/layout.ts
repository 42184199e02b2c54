// SPDX-License-Identifier: Apache-2.0
// The numbers of docs/view-index.md.

export const INDEX_MAGIC = 'LSTVIEW\n';
export const PART_MAGIC = 'LSTPART\n';
export const INDEX_VERSION = 2;
/** Magic, version, reserved. */
export const FILE_HEAD_BYTES = 16;
/** Of a finished file, at its end: u64 offset of the description, u32 bytes, u32 checksum, magic. */
export const TRAILER_BYTES = 24;

/** Of an unfinished file: the fingerprint behind the head, SHA-256. */
export const FINGERPRINT_BYTES = 32;
export const PART_SECTION_MAGIC = 0x5053_4c53; // "SLSP"
export const PART_SECTION_HEAD_BYTES = 24;

/** Log2 of the accesses of a stretch: the finest step in time. */
export const BASE_SHIFT = 12;
export const BASE_STEP: number = 2 ** BASE_SHIFT;
/** Each level in time has steps 4 times those of the finer one. */
export const TIME_FACTOR_SHIFT = 2;
/** Counts of a bucket fit 32 bits. */
export const MAX_TIME_SHIFT = 30;
/** No coarser level in time than one with this many buckets. */
export const FEW_BUCKETS = 64;
/** Each level in address has units 4 times those of the finer one ... */
export const UNIT_FACTOR_SHIFT = 2;
/** ... and is there when a bucket of the finer one has more cells, on the average. */
export const MANY_CELLS = 1024;

export const PAGE_SHIFT = 12;
export const PAGE_BYTES = 4096;

/** Units of a block. */
export const STRIP_UNITS = 1024;
/** Buckets of a group at most, and cells, but for its last bucket's. */
export const GROUP_BUCKETS = 512;
export const GROUP_CELLS: number = 2 ** 18;
/** Entry of a strip table: u32 stored bytes, u32 raw bytes, u32 checksum. */
export const STRIP_ENTRY_BYTES = 12;
/** Buckets of a group of tracks. */
export const TRACK_GROUP_BUCKETS = 1024;

/** Deflate cannot expand by more. */
export const MAX_INFLATE_RATIO = 1040;
