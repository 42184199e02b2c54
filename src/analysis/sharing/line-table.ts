// SPDX-License-Identifier: Apache-2.0
// What each vCPU did with the bytes of each line. Most lines are touched by one vCPU alone, and take few words; of a line
// that others touch, too, there is a view for each of them, in a list. Memory comes in slabs: nothing is copied when it
// grows.

import { addressOfRow, createUnitTable, rowOfUnit, type UnitTable } from '../unit-table.ts';
import { type BytesOfLine, bytesOfLine } from './byte-mask.ts';

export interface CoherenceMisses {
  readonly trueSharing: number;
  readonly falseSharing: number;
}

export interface SharedLine extends CoherenceMisses {
  /** Physical, of its first byte. */
  readonly addressLo: number;
  readonly addressHi: number;
  /** Its virtual address for the access that missed first. */
  readonly vaddrLo: number;
  readonly vaddrHi: number;
  readonly kind: SharedKind;
  readonly vcpus: readonly LineUser[];
}

/** Bytes of the line that a vCPU touched, bit n for byte n, in halves. */
export interface LineUser {
  readonly vcpu: number;
  readonly loadedLo: number;
  readonly loadedHi: number;
  readonly storedLo: number;
  readonly storedHi: number;
}

/** 'read': nobody stores; 'true': a byte that one vCPU stores is touched by another; 'false': no such byte. */
export type SharedKind = 'read' | 'true' | 'false';

export interface LineTable {
  readonly units: UnitTable;
  /** ROW_WORDS of each row. */
  readonly rows: Uint32Array[];
  /** VIEW_WORDS of each view; number 0 is none. */
  readonly views: Uint32Array[];
  viewCount: number;
  /** All bytes of a line. */
  readonly whole: BytesOfLine;
  /** Lines that one vCPU had stored whole before another came. */
  filledCount: number;
  /** Misses that a row's counts of 32 bits have begun anew behind: by 2 * row + kind. */
  readonly carried: Map<number, number>;
  /** Of all that is here. */
  sizeBytes: number;
}

/**
 * Of a row: who touched it; 0 nobody, SHARED and the number of its first view, else the vCPU + 1. Then what that vCPU
 * loaded and stored; or when it is shared its misses of true and of false sharing, and its virtual address at the first.
 */
const HOLDER = 0;
const LOADED = 1;
const STORED = 3;
const MISSES = 1;
const VADDR = 3;
const ROW_WORDS = 5;
const SHARED = 2 ** 31;

/** Of a view: the next one, the vCPU, what it loaded and stored, what others stored since it lost the line; whether it did. */
const NEXT = 0;
const WHO = 1;
const VIEW_LOADED = 2;
const VIEW_STORED = 4;
const STALE = 6;
const LOST = 0x1_0000;
const VIEW_WORDS = 8;

const SLAB_LOG2 = 13;
const IN_SLAB = 2 ** SLAB_LOG2 - 1;
/** Of the table of units: number and slots, of twice as many. */
const UNIT_BYTES = 16;

/** What kind of coherence miss an access was, if it was one. */
export const NO_MISS = -1;
const TRUE_SHARING = 0;
const FALSE_SHARING = 1;

export function createLineTable(shift: number): LineTable {
  const units = createUnitTable(shift);
  const sizeBytes = UNIT_BYTES * units.unitLo.length;
  return {
    ...{ units, rows: [], views: [], viewCount: 1, carried: new Map(), sizeBytes },
    ...{ whole: bytesOfLine(0, 2 ** shift), filledCount: 0 },
  };
}

/** Row of the line, made when it is new. */
export function rowOfLine(table: LineTable, lineLo: number, lineHi: number): number {
  const { units, rows } = table;
  const capacity = units.unitLo.length;
  const row = rowOfUnit(units, lineLo, lineHi);
  if (row >> SLAB_LOG2 === rows.length) {
    rows.push(new Uint32Array(ROW_WORDS << SLAB_LOG2));
    table.sizeBytes += 4 * (ROW_WORDS << SLAB_LOG2);
  }
  table.sizeBytes += UNIT_BYTES * (units.unitLo.length - capacity);
  return row;
}

/** The vCPU touches these bytes of the line. Gives the kind of coherence miss that it is. */
export function touchRow(
  table: LineTable,
  row: number,
  vcpu: number,
  isStore: boolean,
  bytes: BytesOfLine,
): number {
  const slab = table.rows[row >> SLAB_LOG2];
  const at = ROW_WORDS * (row & IN_SLAB);
  const holder = slab[at + HOLDER];
  if (holder === 0) slab[at + HOLDER] = vcpu + 1;
  if (holder === 0 || holder === vcpu + 1) {
    const touched = at + (isStore ? STORED : LOADED);
    slab[touched] |= bytes.lo;
    slab[touched + 1] |= bytes.hi;
    return NO_MISS;
  }
  if (holder < SHARED) share(table, slab, at);
  return touchShared(table, slab[at + HOLDER] - SHARED, vcpu, isStore, bytes);
}

/** A second vCPU comes: the first one gets a view. */
function share(table: LineTable, slab: Uint32Array, at: number): void {
  const view = addView(table);
  const words = slabOf(table, view);
  const own = VIEW_WORDS * (view & IN_SLAB);
  words[own + WHO] = slab[at + HOLDER] - 1;
  for (let word = 0; word < 4; word++) words[own + VIEW_LOADED + word] = slab[at + LOADED + word];
  const { lo, hi } = table.whole;
  if (slab[at + STORED] === lo >>> 0 && slab[at + STORED + 1] === hi >>> 0) table.filledCount++;
  slab.fill(0, at, at + ROW_WORDS);
  slab[at + HOLDER] = SHARED + view;
}

function touchShared(
  table: LineTable,
  first: number,
  vcpu: number,
  isStore: boolean,
  bytes: BytesOfLine,
): number {
  let own = 0;
  let last = first;
  for (let view = first; view !== 0; ) {
    const words = slabOf(table, view);
    const at = VIEW_WORDS * (view & IN_SLAB);
    if ((words[at + WHO] & ~LOST) === vcpu) {
      own = view;
    } else if (isStore) {
      words[at + WHO] |= LOST;
      words[at + STALE] |= bytes.lo;
      words[at + STALE + 1] |= bytes.hi;
    }
    last = view;
    view = words[at + NEXT];
  }
  if (own === 0) {
    own = addView(table);
    slabOf(table, own)[VIEW_WORDS * (own & IN_SLAB) + WHO] = vcpu;
    slabOf(table, last)[VIEW_WORDS * (last & IN_SLAB) + NEXT] = own;
  }
  const words = slabOf(table, own);
  const at = VIEW_WORDS * (own & IN_SLAB);
  const touched = at + (isStore ? VIEW_STORED : VIEW_LOADED);
  words[touched] |= bytes.lo;
  words[touched + 1] |= bytes.hi;
  if ((words[at + WHO] & LOST) === 0) return NO_MISS;
  const isTrue = ((words[at + STALE] & bytes.lo) | (words[at + STALE + 1] & bytes.hi)) !== 0;
  words[at + WHO] = vcpu;
  words[at + STALE] = 0;
  words[at + STALE + 1] = 0;
  return isTrue ? TRUE_SHARING : FALSE_SHARING;
}

function slabOf({ views }: LineTable, view: number): Uint32Array {
  return views[view >> SLAB_LOG2];
}

function addView(table: LineTable): number {
  const view = table.viewCount++;
  while (view >> SLAB_LOG2 >= table.views.length) {
    table.views.push(new Uint32Array(VIEW_WORDS << SLAB_LOG2));
    table.sizeBytes += 4 * (VIEW_WORDS << SLAB_LOG2);
  }
  return view;
}

/** A miss of that kind, of a line that is shared. Gives how many misses of any kind it has. */
export function countMiss(table: LineTable, row: number, kind: number): number {
  const slab = table.rows[row >> SLAB_LOG2];
  const at = ROW_WORDS * (row & IN_SLAB) + MISSES + kind;
  slab[at]++;
  if (slab[at] === 0) {
    table.carried.set(2 * row + kind, (table.carried.get(2 * row + kind) ?? 0) + 2 ** 32);
  }
  return missesOfRow(table, row);
}

/** Of a line that is shared, of both kinds. */
export function missesOfRow(table: LineTable, row: number): number {
  return missesOf(table, row, TRUE_SHARING) + missesOf(table, row, FALSE_SHARING);
}

function missesOf({ rows, carried }: LineTable, row: number, kind: number): number {
  const count = rows[row >> SLAB_LOG2][ROW_WORDS * (row & IN_SLAB) + MISSES + kind];
  return carried.size === 0 ? count : count + (carried.get(2 * row + kind) ?? 0);
}

/** Where the line was for its first miss. */
export function setMissVaddr({ rows }: LineTable, row: number, lo: number, hi: number): void {
  const slab = rows[row >> SLAB_LOG2];
  const at = ROW_WORDS * (row & IN_SLAB) + VADDR;
  slab[at] = lo;
  slab[at + 1] = hi;
}

/** Two vCPUs or more have touched the line. */
export function isShared({ rows }: LineTable, row: number): boolean {
  return rows[row >> SLAB_LOG2][ROW_WORDS * (row & IN_SLAB) + HOLDER] >= SHARED;
}

/** Of a line that is shared. */
export function lineOf(table: LineTable, row: number): SharedLine {
  const { lo, hi } = addressOfRow(table.units, row);
  const slab = table.rows[row >> SLAB_LOG2];
  const at = ROW_WORDS * (row & IN_SLAB);
  return {
    ...{ addressLo: lo, addressHi: hi },
    ...{ vaddrLo: slab[at + VADDR], vaddrHi: slab[at + VADDR + 1] },
    kind: kindOf(table, row),
    trueSharing: missesOf(table, row, TRUE_SHARING),
    falseSharing: missesOf(table, row, FALSE_SHARING),
    vcpus: usersOf(table, slab[at + HOLDER] - SHARED),
  };
}

function usersOf(table: LineTable, first: number): LineUser[] {
  const users: LineUser[] = [];
  for (let view = first; view !== 0; ) {
    const words = slabOf(table, view);
    const at = VIEW_WORDS * (view & IN_SLAB);
    users.push({
      vcpu: words[at + WHO] & ~LOST,
      ...{ loadedLo: words[at + VIEW_LOADED], loadedHi: words[at + VIEW_LOADED + 1] },
      ...{ storedLo: words[at + VIEW_STORED], storedHi: words[at + VIEW_STORED + 1] },
    });
    view = words[at + NEXT];
  }
  return users.sort((a, b) => a.vcpu - b.vcpu);
}

/** Of a line that is shared. */
export function kindOf(table: LineTable, row: number): SharedKind {
  let stored = 0;
  // Touched by one vCPU at least; by one and stored by another.
  let [seenLo, seenHi, storedLo, storedHi, clash] = [0, 0, 0, 0, 0];
  const first = table.rows[row >> SLAB_LOG2][ROW_WORDS * (row & IN_SLAB) + HOLDER] - SHARED;
  for (let view = first; view !== 0; ) {
    const words = slabOf(table, view);
    const at = VIEW_WORDS * (view & IN_SLAB);
    const [ownLo, ownHi] = [words[at + VIEW_STORED], words[at + VIEW_STORED + 1]];
    const touchedLo = words[at + VIEW_LOADED] | ownLo;
    const touchedHi = words[at + VIEW_LOADED + 1] | ownHi;
    clash |= (touchedLo & storedLo) | (touchedHi & storedHi) | (ownLo & seenLo) | (ownHi & seenHi);
    stored |= ownLo | ownHi;
    seenLo |= touchedLo;
    seenHi |= touchedHi;
    storedLo |= ownLo;
    storedHi |= ownHi;
    view = words[at + NEXT];
  }
  if (stored === 0) return 'read';
  return clash === 0 ? 'false' : 'true';
}
