// SPDX-License-Identifier: Apache-2.0
// What is counted of each cache, as places in an array.

/** Who asks. Also the place of its accesses among Counts; its misses are COUNT_MISSES further. */
export const Kind = { load: 0, store: 1, fetch: 2, prefetch: 3 } as const;
export const COUNT_MISSES = 4;
/** Dirty lines given up; then misses by class. */
export const COUNT_WRITEBACKS = 8;
export const COUNT_COMPULSORY = 9;
export const COUNT_CAPACITY = 10;
export const COUNT_CONFLICT = 11;
export const COUNT_LENGTH = 12;
