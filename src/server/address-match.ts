// SPDX-License-Identifier: Apache-2.0
// Which accesses of a decoded chunk touch a byte of a range of addresses. Tight loops over columns.

import { halves, partitionPoint, TraceError, u64FromBigint } from '../base/index.ts';
import { AccessFlag, type ColumnArrays, type ColumnName, type Crossings } from '../format/index.ts';
import type { ChunkCache, ChunkColumns } from '../tiles/index.ts';
import { UNKNOWN } from './access-rows.ts';
import type { AddressRange } from './parameters.ts';
import { PAGE_BYTES, type Space } from './protocol.ts';

const MATCH_COLUMNS: { readonly [S in Space]: readonly ColumnName[] } = {
  virtual: ['vaddr', 'size', 'flags'],
  physical: ['paddr', 'size', 'flags'],
};

/** Above every physical address that is known; one that is not known is all ones. */
const PHYSICAL_LIMIT = 2n ** 52n;

/** True when access i touches the range. */
export type Matcher = (i: number) => boolean;

/** What matches are found in; for physical addresses as little as that takes: a third less than with vaddr. */
export async function matchColumns(
  chunks: ChunkCache,
  chunkIndex: number,
  space: Space,
  signal: AbortSignal,
): Promise<ChunkColumns> {
  const columns = await chunks.columns(chunkIndex, MATCH_COLUMNS[space], signal);
  if (space === 'virtual' || !hasHalfKnown(columns)) return columns;
  return { ...columns, ...(await chunks.columns(chunkIndex, ['vaddr'], signal)) };
}

/** Of an access that goes on in a second page only the second place is known: its first does not say how much is there. */
function hasHalfKnown({ paddr, crossings }: ChunkColumns): boolean {
  if (paddr === undefined || crossings === undefined) return false;
  return crossings.index.some((i, at) => paddr[i] === UNKNOWN && crossings.paddr[at] !== UNKNOWN);
}

/**
 * `columns` has those of matchColumns(), or all. Accesses with a physical address only are in no range of virtual
 * ones.
 */
export function matcherFor(
  columns: Partial<ColumnArrays>,
  { space, low, high }: AddressRange,
): Matcher {
  const { size, flags, vaddr } = columns;
  const addresses = space === 'virtual' ? vaddr : columns.paddr;
  if (addresses === undefined || size === undefined || flags === undefined) {
    throw new Error('internal: a chunk without the columns to match');
  }
  const words = halves(addresses);
  const last = (space === 'physical' && high > PHYSICAL_LIMIT ? PHYSICAL_LIMIT : high) - 1n;
  if (last < low) throw new TraceError('bad-argument', 'there are no such physical addresses');
  const { lo: beginLo, hi: beginHi } = u64FromBigint(low);
  const { lo: lastLo, hi: lastHi } = u64FromBigint(last);
  const touches = (lo: number, hi: number, bytes: number): boolean => {
    // Exact where they are small, and only their size against `bytes` and 0 counts.
    const below = (beginHi - hi) * 2 ** 32 + (beginLo - lo);
    const above = (hi - lastHi) * 2 ** 32 + (lo - lastLo);
    return below < bytes && above <= 0;
  };
  if (space === 'virtual') {
    return (i) =>
      touches(words[2 * i], words[2 * i + 1], size[i]) &&
      (flags[i] & AccessFlag.physicalOnly) === 0;
  }
  const { crossings } = columns;
  // Within a page both are the same.
  const offsets = vaddr === undefined ? words : halves(vaddr);
  return (i) => {
    const lo = words[2 * i];
    const hi = words[2 * i + 1];
    if ((flags[i] & AccessFlag.crossesPage) === 0) return touches(lo, hi, size[i]);
    const part = secondPart(crossings, i);
    if (part === undefined) return touches(lo, hi, size[i]);
    const firstBytes = PAGE_BYTES - (offsets[2 * i] % PAGE_BYTES);
    return touches(lo, hi, firstBytes) || touches(part.lo, part.hi, size[i] - firstBytes);
  };
}

function secondPart(
  crossings: Crossings | undefined,
  i: number,
): { readonly lo: number; readonly hi: number } | undefined {
  if (crossings === undefined) return undefined;
  const { index } = crossings;
  const at = partitionPoint(index.length, (one) => index[one] < i);
  if (index[at] !== i) return undefined;
  const words = halves(crossings.paddr);
  return { lo: words[2 * at], hi: words[2 * at + 1] };
}

/** Indices of matches from begin to end - 1, ascending. */
export function allMatches(matches: Matcher, begin: number, end: number): Uint32Array {
  let found = new Uint32Array(1024);
  let count = 0;
  for (let i = begin; i < end; i++) {
    if (!matches(i)) continue;
    if (count === found.length) {
      const larger = new Uint32Array(2 * count);
      larger.set(found);
      found = larger;
    }
    found[count++] = i;
  }
  return found.slice(0, count);
}
