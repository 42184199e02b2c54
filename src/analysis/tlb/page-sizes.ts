// SPDX-License-Identifier: Apache-2.0
// How large the pages are, from what a trace tells of translations (docs/format.md 3.5): each page before it is
// accessed, in a table that the trace keeps too. Of a page that holds only code nothing is told: it is taken to be
// as large as the page that was told last of the same 2 MiB, else 4 KiB.

import type { PlacedNote } from '../access-columns.ts';

/** As many as the trace's table of pages has, or more. */
const SLOT_COUNT = 4096;
const RECENT_COUNT = 1024;

export const PAGING_OFF = 0;
export const SMALL_PAGE_SHIFT = 12;

export interface PageSizes {
  /** Of the page in each slot: log2 of its size, PAGING_OFF; UNKNOWN_SIZE. */
  readonly shift: Uint8Array;
  readonly isGlobal: Uint8Array;
  /** The 4 KiB page in the slot, by halves of its number. */
  readonly pageLo: Int32Array;
  readonly pageHi: Int32Array;
  /** By number of the 2 MiB around it: size and globality of the page that was told last. */
  readonly around: Map<number, PageKind>;
  /** The same for the 2 MiB asked for last, by the low bits of their number. */
  readonly recentNumber: Float64Array;
  readonly recentKind: (PageKind | undefined)[];
  /** Grows with every page that is told. */
  version: number;
  /** Of the pages that are told from here on. */
  kind: PageKind | undefined;
  chunkIndex: number;
}

export interface PageKind {
  readonly shift: number;
  readonly isGlobal: boolean;
}

export const UNKNOWN_SIZE = 255;

export function createPageSizes(): PageSizes {
  return {
    shift: new Uint8Array(SLOT_COUNT).fill(UNKNOWN_SIZE),
    isGlobal: new Uint8Array(SLOT_COUNT),
    pageLo: new Int32Array(SLOT_COUNT),
    pageHi: new Int32Array(SLOT_COUNT).fill(-1),
    around: new Map(),
    recentNumber: new Float64Array(RECENT_COUNT).fill(-1),
    recentKind: Array.from({ length: RECENT_COUNT }, () => undefined),
    version: 0,
    kind: undefined,
    chunkIndex: -1,
  };
}

/** Attributes are told anew in each chunk. */
export function beginStretch(sizes: PageSizes, chunkIndex: number): void {
  if (sizes.chunkIndex === chunkIndex) return;
  sizes.chunkIndex = chunkIndex;
  sizes.kind = undefined;
}

/** Takes a note of kind attributes, map or map-unknown. */
export function takePageNote(sizes: PageSizes, note: PlacedNote): void {
  if (note.kind === 'attributes') {
    const { attributes } = note;
    sizes.kind =
      attributes === undefined
        ? undefined
        : {
            shift: attributes.pageBytes === 0 ? PAGING_OFF : Math.log2(attributes.pageBytes),
            isGlobal: attributes.global,
          };
  } else if (note.kind === 'map' || note.kind === 'map-unknown') {
    const slot = Number(note.vpage & BigInt(SLOT_COUNT - 1));
    sizes.shift[slot] = sizes.kind?.shift ?? UNKNOWN_SIZE;
    sizes.isGlobal[slot] = sizes.kind?.isGlobal === true ? 1 : 0;
    sizes.pageLo[slot] = Number(BigInt.asIntN(32, note.vpage));
    sizes.pageHi[slot] = Number(note.vpage >> 32n);
    sizes.version++;
    if (sizes.kind === undefined) return;
    const number = Number(note.vpage >> 9n);
    sizes.around.set(number, sizes.kind);
    sizes.recentNumber[number % RECENT_COUNT] = -1;
  }
}

/** Slot of the 4 KiB page with that number; -1 when another page is there. */
export function findSlot(sizes: PageSizes, pageLo: number, pageHi: number): number {
  const slot = pageLo & (SLOT_COUNT - 1);
  return sizes.pageLo[slot] === pageLo && sizes.pageHi[slot] === pageHi ? slot : -1;
}

/** What is known of a page from its neighbours. */
export function findAround(sizes: PageSizes, pageLo: number, pageHi: number): PageKind | undefined {
  const number = (pageHi >>> 0) * 2 ** 23 + (pageLo >>> 9);
  const place = (pageLo >>> 9) & (RECENT_COUNT - 1);
  if (sizes.recentNumber[place] !== number) {
    sizes.recentNumber[place] = number;
    sizes.recentKind[place] = sizes.around.get(number);
  }
  return sizes.recentKind[place];
}
