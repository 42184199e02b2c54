// SPDX-License-Identifier: Apache-2.0
// What a trace tells of translations, as columns: where pages are touched at random nearly every access has such a
// note, for which an object would be too much.

/** What a row of MappingColumns tells. */
export const MappingKind = {
  /** The virtual page is at this physical page. */
  map: 1,
  /** Its physical page is not known. */
  unknown: 2,
  /** All pages are forgotten. */
  unmap: 3,
} as const;

/** One row for each note map, map-unknown and unmap, in their order (docs/format.md 3.5). */
export interface MappingColumns {
  readonly length: number;
  /** MappingKind. */
  readonly kind: Uint8Array;
  /** It stands before this access of the slice; ascending. */
  readonly index: Uint32Array;
  /** And, with block executions, before this one. */
  readonly runIndex: Uint32Array;
  /** Address >> 12; all ones in an unmap row. */
  readonly vpage: BigUint64Array;
  /** All ones when there is none, or it is not known. */
  readonly ppage: BigUint64Array;
  /**
   * Of the translation, 0 when they, or the physical page, are not known: bit 0 writable, 1 user, 2 no-execute, 3 global; from bit 4 log2 of
   * the page's size, 1 with paging off.
   */
  readonly attributes: Uint16Array;
}

/** A mapping note at which a reader of notes stands. */
export interface MappingNote {
  readonly kind: number;
  /** Halves of the virtual page, then of the physical one. */
  readonly pages: Uint32Array;
  readonly attributes: number;
}

const FIRST_ROOM = 1024;
const NONE = 0xffff_ffff;

/** Rows as they come; the memory is used again after take. */
export class MappingCollector {
  length = 0;
  #room = 0;
  #kind = new Uint8Array(0);
  #index = new Uint32Array(0);
  #runIndex = new Uint32Array(0);
  #vpage = new Uint32Array(0);
  #ppage = new Uint32Array(0);
  #attributes = new Uint16Array(0);

  add(note: MappingNote, index: number, runIndex: number): void {
    const at = this.length;
    if (at === this.#room) this.#grow();
    const { kind, pages } = note;
    this.#kind[at] = kind;
    this.#index[at] = index;
    this.#runIndex[at] = runIndex;
    const hasPage = kind !== MappingKind.unmap;
    const hasPhysical = kind === MappingKind.map;
    this.#vpage[2 * at] = hasPage ? pages[0] : NONE;
    this.#vpage[2 * at + 1] = hasPage ? pages[1] : NONE;
    this.#ppage[2 * at] = hasPhysical ? pages[2] : NONE;
    this.#ppage[2 * at + 1] = hasPhysical ? pages[3] : NONE;
    this.#attributes[at] = hasPhysical ? note.attributes : 0;
    this.length++;
  }

  /** Views, which the next note that is added overwrites. */
  take(): MappingColumns {
    const { length } = this;
    this.length = 0;
    return {
      length,
      kind: this.#kind.subarray(0, length),
      index: this.#index.subarray(0, length),
      runIndex: this.#runIndex.subarray(0, length),
      vpage: new BigUint64Array(this.#vpage.buffer, 0, length),
      ppage: new BigUint64Array(this.#ppage.buffer, 0, length),
      attributes: this.#attributes.subarray(0, length),
    };
  }

  #grow(): void {
    this.#room = Math.max(FIRST_ROOM, 2 * this.#room);
    this.#kind = grown(new Uint8Array(this.#room), this.#kind);
    this.#index = grown(new Uint32Array(this.#room), this.#index);
    this.#runIndex = grown(new Uint32Array(this.#room), this.#runIndex);
    this.#vpage = grown(new Uint32Array(2 * this.#room), this.#vpage);
    this.#ppage = grown(new Uint32Array(2 * this.#room), this.#ppage);
    this.#attributes = grown(new Uint16Array(this.#room), this.#attributes);
  }
}

function grown<C extends { set(from: C): void }>(to: C, from: C): C {
  to.set(from);
  return to;
}
