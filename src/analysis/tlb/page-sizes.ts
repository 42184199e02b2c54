// SPDX-License-Identifier: Apache-2.0
// How large the pages are, from what a trace tells of translations (docs/format.md 3.5): each page before it is
// accessed, in a table that the trace keeps too. Of a page that holds only code nothing is told: it is taken to be
// as large as the page that was told last of the same 2 MiB, else 4 KiB.

import { type MappingColumns, MappingKind } from '../../format/index.ts';

/** As many as the trace's table of pages has, or more. */
const SLOT_COUNT = 4096;
const RECENT_COUNT = 1024;

export const PAGING_OFF = 0;
export const SMALL_PAGE_SHIFT = 12;

/**
 * Size and globality of a page: log2 of the size, PAGING_OFF or UNKNOWN_SIZE, and GLOBAL_PAGE. A number, since
 * there may be one for each access.
 */
export type PageKind = number;
export const UNKNOWN_SIZE = 255;
const SIZE_BITS = 255;
const GLOBAL_PAGE = 256;

export interface PageSizes {
  /** Of the page in each slot. */
  readonly kind: Uint16Array;
  /** The 4 KiB page in the slot, by halves of its number. */
  readonly pageLo: Int32Array;
  readonly pageHi: Int32Array;
  /** By number of the 2 MiB around it: of the page that was told last, when its size is known. */
  readonly around: Map<number, PageKind>;
  /** The same for the 2 MiB asked for or told of last, by the low bits of their number. */
  readonly recentNumber: Float64Array;
  readonly recentKind: Uint16Array;
  /** Grows with every page that is told. */
  version: number;
}

export function createPageSizes(): PageSizes {
  return {
    kind: new Uint16Array(SLOT_COUNT).fill(UNKNOWN_SIZE),
    pageLo: new Int32Array(SLOT_COUNT),
    pageHi: new Int32Array(SLOT_COUNT).fill(-1),
    around: new Map(),
    recentNumber: new Float64Array(RECENT_COUNT).fill(-1),
    recentKind: new Uint16Array(RECENT_COUNT),
    version: 0,
  };
}

export function sizeOf(kind: PageKind): number {
  return kind & SIZE_BITS;
}

export function isGlobalPage(kind: PageKind): boolean {
  return (kind & GLOBAL_PAGE) !== 0;
}

/**
 * Takes the mappings from `first` on that stand before that access or that block execution; -1: not for its sake.
 * Returns the next one. `pages`: halves of their virtual pages.
 */
export function takeMappings(
  sizes: PageSizes,
  mappings: MappingColumns,
  pages: Uint32Array,
  first: number,
  access: number,
  run: number,
): number {
  const { length, kind, index, runIndex, attributes } = mappings;
  let row = first;
  for (; row < length && (index[row] <= access || runIndex[row] <= run); row++) {
    // What is unmapped may come back with another physical page; its size is told with it.
    if (kind[row] === MappingKind.unmap) continue;
    takePage(sizes, pages[2 * row] | 0, pages[2 * row + 1] | 0, kindOf(attributes[row]));
  }
  return row;
}

function kindOf(attributes: number): PageKind {
  if (attributes === 0) return UNKNOWN_SIZE;
  const shift = attributes >> 4;
  return (shift === 1 ? PAGING_OFF : shift) | ((attributes & 8) === 0 ? 0 : GLOBAL_PAGE);
}

function takePage(sizes: PageSizes, pageLo: number, pageHi: number, kind: PageKind): void {
  const slot = pageLo & (SLOT_COUNT - 1);
  sizes.kind[slot] = kind;
  sizes.pageLo[slot] = pageLo;
  sizes.pageHi[slot] = pageHi;
  sizes.version++;
  if (kind === UNKNOWN_SIZE) return;
  const number = numberAround(pageLo, pageHi);
  const place = recentPlace(pageLo);
  if (sizes.recentNumber[place] === number && sizes.recentKind[place] === kind) return;
  sizes.around.set(number, kind);
  sizes.recentNumber[place] = number;
  sizes.recentKind[place] = kind;
}

/** What was told of the 4 KiB page with that number; UNKNOWN_SIZE when another page is in its slot. */
export function findOwn(sizes: PageSizes, pageLo: number, pageHi: number): PageKind {
  const slot = pageLo & (SLOT_COUNT - 1);
  const isThere = sizes.pageLo[slot] === pageLo && sizes.pageHi[slot] === pageHi;
  return isThere ? sizes.kind[slot] : UNKNOWN_SIZE;
}

/** What is known of a page from its neighbours. */
export function findAround(sizes: PageSizes, pageLo: number, pageHi: number): PageKind {
  const number = numberAround(pageLo, pageHi);
  const place = recentPlace(pageLo);
  if (sizes.recentNumber[place] !== number) {
    sizes.recentNumber[place] = number;
    sizes.recentKind[place] = sizes.around.get(number) ?? UNKNOWN_SIZE;
  }
  return sizes.recentKind[place];
}

/** Number of the 2 MiB around a page. */
function numberAround(pageLo: number, pageHi: number): number {
  return (pageHi >>> 0) * 2 ** 23 + (pageLo >>> 9);
}

function recentPlace(pageLo: number): number {
  return (pageLo >>> 9) & (RECENT_COUNT - 1);
}
