// SPDX-License-Identifier: Apache-2.0
// What a scan of accesses may leave out: ranges of columns outside of which no row can matter.

import type { IcountRange } from '../format/index.ts';

/** Columns of numbers that a scan can compare by itself. */
const BOUNDED_COLUMNS = [
  'ordinal',
  'vcpu',
  'icount',
  'pc',
  'vaddr',
  'paddr',
  'size',
  'cpl',
  'cr3',
  'block',
  'insn',
] as const;
export type BoundedColumn = (typeof BOUNDED_COLUMNS)[number];

/** Both ends belong to it. */
export interface Bounds {
  readonly min: bigint;
  readonly max: bigint;
}

/** A row is wanted when it is within all of them; a column without bounds takes every value. */
export type AccessBounds = ReadonlyMap<BoundedColumn, Bounds>;

export const U64_MAX: bigint = 2n ** 64n - 1n;

export function isBoundedColumn(name: string): name is BoundedColumn {
  return BOUNDED_COLUMNS.some((one) => one === name);
}

/** What of a chunk is known without decoding it. */
export interface ChunkExtent {
  readonly firstOrdinal: number;
  readonly accessCount: number;
  readonly lowestVaddr: bigint;
  readonly highestVaddr: bigint;
  readonly icounts: readonly IcountRange[];
}

/** False when no access of the chunk can be within the bounds. */
export function canHold(chunk: ChunkExtent, bounds: AccessBounds): boolean {
  const { firstOrdinal, accessCount, lowestVaddr, highestVaddr, icounts } = chunk;
  if (accessCount === 0) return false;
  const overlaps = (name: BoundedColumn, first: bigint, last: bigint): boolean => {
    const wanted = bounds.get(name);
    return wanted === undefined || (wanted.min <= last && wanted.max >= first);
  };
  return (
    [...bounds.values()].every(({ min, max }) => min <= max) &&
    overlaps('ordinal', BigInt(firstOrdinal), BigInt(firstOrdinal + accessCount - 1)) &&
    overlaps('vaddr', lowestVaddr, highestVaddr) &&
    icounts.some(
      ({ vcpu, first, last }) =>
        overlaps('icount', first, last) &&
        (vcpu === undefined || overlaps('vcpu', BigInt(vcpu), BigInt(vcpu))),
    )
  );
}
