// SPDX-License-Identifier: Apache-2.0
// One translation: the first TLB, then the second, then a page walk, which brings the translation into both. A
// walk reads one entry a level, from the one below the deepest that the page-walk caches hold (Intel SDM 3A 4.10).

import { fillEntry, GLOBAL_SPACE, type TlbArray, touchEntry } from './tlb-array.ts';
import {
  SECOND,
  SECOND_MISSES,
  SHORT_WALKS,
  type VcpuTlbs,
  WALK_READS,
  WALKS_BY_SIZE,
} from './tlb-state.ts';

/** Page sizes in the order of WALKS_BY_SIZE. */
export const PAGE_SHIFTS = [12, 21, 22, 30] as const;

/** Address bits that choose an entry of each level: PML4, PDPT, page directory, page table. */
const LEVEL_SHIFTS = [39, 30, 21, 12] as const;

/**
 * Translates the address after the first TLB has missed. True: both TLBs missed and the tables were walked.
 * `lo`, `hi`: halves of the address, signed. `pageShift`: log2 of the page's size; `isLong`: in long mode, with four levels of tables.
 */
export function translateSlowly(
  tlbs: VcpuTlbs,
  first: TlbArray,
  lo: number,
  hi: number,
  pageShift: number,
  isGlobal: boolean,
  isLong: boolean,
): boolean {
  const { l2, counts, space } = tlbs;
  const low = lowOf(lo, hi, pageShift);
  const tag = tagOf(hi, pageShift);
  const owner = isGlobal ? GLOBAL_SPACE : space;
  let isWalk = true;
  if (l2 !== undefined) {
    counts[SECOND]++;
    isWalk = !touchEntry(l2, low, tag, space);
    if (isWalk) {
      counts[SECOND_MISSES]++;
      fillEntry(l2, low, tag, owner);
    }
  }
  if (isWalk) walk(tlbs, lo, hi, pageShift, isLong);
  fillEntry(first, low, tag, owner);
  return isWalk;
}

/** Low half of the number of the page, or of what an entry of another level maps. */
export function lowOf(lo: number, hi: number, shift: number): number {
  return shift < 32 ? (lo >>> shift) | (hi << (32 - shift)) : hi >> (shift - 32);
}

/** What else tells a page from others: the number's high half and, in the last two bits, which size it has. */
export function tagOf(hi: number, pageShift: number): number {
  return ((hi >> pageShift) << 2) | sizeCode(pageShift);
}

function sizeCode(pageShift: number): number {
  if (pageShift === 12) return 0;
  if (pageShift === 21) return 1;
  return pageShift === 22 ? 2 : 3;
}

function walk(tlbs: VcpuTlbs, lo: number, hi: number, pageShift: number, isLong: boolean): void {
  const { counts, space, pml4e, pdpte, pde } = tlbs;
  counts[WALKS_BY_SIZE + sizeCode(pageShift)]++;
  // Level 3 is a page table: none for pages of 2 and 4 MiB, and no directory for those of 1 GiB.
  const lastLevel = pageShift === 12 ? 3 : pageShift === 30 ? 1 : 2;
  // Other modes begin at the directory: those of PAE have its four pointers in registers (4.4.1).
  const topLevel = isLong ? 0 : 2;
  const caches = [pml4e, pdpte, pde];
  let firstLevel = topLevel;
  for (let level = lastLevel - 1; level >= topLevel; level--) {
    const cache = caches[level];
    if (cache === undefined) continue;
    if (!touchEntry(cache, lowOf(lo, hi, LEVEL_SHIFTS[level]), highOf(hi, level), space)) continue;
    firstLevel = level + 1;
    counts[SHORT_WALKS]++;
    break;
  }
  for (let level = firstLevel; level <= lastLevel; level++) {
    counts[WALK_READS + level]++;
    const cache = caches[level];
    if (level < lastLevel && cache !== undefined) {
      fillEntry(cache, lowOf(lo, hi, LEVEL_SHIFTS[level]), highOf(hi, level), space);
    }
  }
}

/** High half of the number of what an entry of that level maps. */
function highOf(hi: number, level: number): number {
  return hi >> Math.min(31, LEVEL_SHIFTS[level]);
}
