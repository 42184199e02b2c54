// SPDX-License-Identifier: Apache-2.0
// What can be wrong with a chunk. src/format/kernel.ts has the words for each number.

export const BLOCK_CODES_END: i32 = 10;
export const BLOCK_CODE_UNKNOWN: i32 = 11;
export const BLOCK_IDS_END: i32 = 12;
export const BLOCK_UNKNOWN: i32 = 13;
export const BLOCK_RUNS_BAD: i32 = 14;
export const SHAPES_END: i32 = 15;
export const TAG_BAD: i32 = 16;
export const ACCESSES_TOO_MANY: i32 = 17;
export const ACCESSES_TOO_FEW: i32 = 18;
export const ACCESS_CODES_END: i32 = 19;
export const ACCESS_CODE_UNKNOWN: i32 = 20;
export const ACCESS_RUNS_BAD: i32 = 21;
export const DELTAS_END: i32 = 22;
export const ADDRESS_NOT_CANONICAL: i32 = 23;
export const NOTES_BAD: i32 = 24;
export const NOTE_UNKNOWN: i32 = 25;
export const NOTE_MISPLACED: i32 = 26;
export const NOTE_WITHOUT_TARGET: i32 = 27;
export const CUT_TOO_LONG: i32 = 28;
export const PAGE_NOT_MAPPED: i32 = 29;
export const VCPU_TOO_HIGH: i32 = 30;
export const STREAM_LEFT_OVER: i32 = 31;
export const RUN_LEFT_OVER: i32 = 32;
export const NO_MEMORY: i32 = 33;
