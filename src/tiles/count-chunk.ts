// SPDX-License-Identifier: Apache-2.0
// Counts one chunk: by stretch of BASE_STEP ordinals the pages that were accessed and, by vCPU and address
// space, what the tracks show. An access counts in the page of its first byte and, when it crosses, in the next
// one too. Aborted accesses count nowhere.

import { createUnitTable, rowOfUnit, rowsByAddress, type UnitTable } from '../analysis/index.ts';
import { halves, partitionPoint } from '../base/index.ts';
import { AccessFlag, type ChunkInfo, type TraceSlice } from '../format/index.ts';
import { BASE_STEP, PAGE_BYTES, PAGE_SHIFT } from './layout.ts';

/** Cells of the stretches of a chunk, one behind the other. */
export interface PageCounts {
  /** Numbers (address >> 12) of the chunk's pages, ascending, in halves. */
  readonly pageLo: Uint32Array;
  readonly pageHi: Uint32Array;
  /** By stretch. */
  readonly cellCount: Uint32Array;
  /** Index into the pages; ascending in a stretch. */
  readonly page: Uint32Array;
  readonly loads: Uint32Array;
  readonly stores: Uint32Array;
}

/**
 * Rows of a stretch, a vCPU and an address space, in the order in which they began. Events behind the chunk's last
 * access are of its stretch.
 */
export interface TrackRows {
  /** Stretch, counted from the chunk's first. */
  readonly stretch: Uint32Array;
  readonly vcpu: Uint32Array;
  readonly cr3Lo: Uint32Array;
  readonly cr3Hi: Uint32Array;
  /** Of the vCPU's last access of the row. */
  readonly icountLo: Uint32Array;
  readonly icountHi: Uint32Array;
  readonly loads: Uint32Array;
  readonly stores: Uint32Array;
  readonly user: Uint32Array;
  readonly interrupts: Uint32Array;
  readonly exceptions: Uint32Array;
}

export interface ChunkCounts {
  readonly virtual: PageCounts | undefined;
  readonly physical: PageCounts | undefined;
  readonly tracks: TrackRows;
}

export interface ChunkCounter {
  /** Slices of the chunk in order, with the columns that are there of vaddr, paddr, flags, size, cpl and icount. */
  add(slice: TraceSlice): void;
  finish(): ChunkCounts;
}

const ONES = 0xffff_ffff;
const EVENT_FROM_OUTSIDE = 1 << 8;
/** Software interrupt, SMM entered and left, triple fault: neither interrupt nor exception. */
const EVENT_OTHER = 0b11110 << 8;

export function createChunkCounter(
  info: ChunkInfo,
  spaces: { readonly virtual: boolean; readonly physical: boolean },
): ChunkCounter {
  const virtual = spaces.virtual ? createPageCounter() : undefined;
  const physical = spaces.physical ? createPageCounter() : undefined;
  const tracks = createTrackCounter(info);
  const firstStretch = Math.floor(info.firstOrdinal / BASE_STEP);
  let stretchEnd = (firstStretch + 1) * BASE_STEP;
  const closeStretch = (): void => {
    virtual?.closeStretch();
    physical?.closeStretch();
    tracks.nextStretch();
    stretchEnd += BASE_STEP;
  };
  let counted = 0;
  return {
    add(slice) {
      const { length, firstOrdinal, notes = [] } = slice;
      const pages = findPages(slice, virtual !== undefined);
      let nextNote = 0;
      for (let begin = 0; begin < length; ) {
        if (firstOrdinal + begin === stretchEnd) closeStretch();
        const end = Math.min(length, stretchEnd - firstOrdinal);
        if (virtual !== undefined) countVirtual(virtual, pages, begin, end);
        if (physical !== undefined) countPhysical(physical, pages, begin, end);
        for (let at = begin; at < end; ) {
          for (; nextNote < notes.length && notes[nextNote].index <= at; nextNote++) {
            tracks.note(notes[nextNote]);
          }
          const upTo = Math.min(end, notes[nextNote]?.index ?? end);
          tracks.count(slice, at, upTo);
          at = upTo;
        }
        begin = end;
      }
      for (; nextNote < notes.length; nextNote++) tracks.note(notes[nextNote]);
      counted += length;
    },
    finish() {
      if (counted !== info.accessCount) throw new Error('internal: a chunk was counted in part');
      if (counted > 0) {
        virtual?.closeStretch();
        physical?.closeStretch();
      }
      return {
        virtual: virtual?.finish(),
        physical: physical?.finish(),
        tracks: tracks.finish(),
      };
    },
  };
}

/** The columns that say which pages an access is in. */
interface PageColumns {
  readonly flags: Uint8Array;
  readonly vaddr: Uint32Array;
  readonly paddr: Uint32Array;
  /** Accesses that cross a page, ascending. */
  readonly crossing: Uint32Array;
  readonly crossingPaddr: Uint32Array;
}

function findPages(
  { length, vaddr, paddr, flags, size, crossings }: TraceSlice,
  asked: boolean,
): PageColumns {
  if (flags === undefined || (asked && (vaddr === undefined || size === undefined))) {
    throw new Error('internal: a slice lacks a column');
  }
  const virtual = vaddr === undefined ? new Uint32Array() : halves(vaddr);
  return {
    flags,
    vaddr: virtual,
    paddr: paddr === undefined ? new Uint32Array() : halves(paddr),
    crossing: crossings?.index ?? findCrossings(virtual, size ?? new Uint8Array(), length),
    crossingPaddr: crossings === undefined ? new Uint32Array() : halves(crossings.paddr),
  };
}

function findCrossings(vaddr: Uint32Array, size: Uint8Array, length: number): Uint32Array {
  const found: number[] = [];
  for (let i = 0; i < length; i++) {
    if ((vaddr[2 * i] & (PAGE_BYTES - 1)) + size[i] > PAGE_BYTES) found.push(i);
  }
  return Uint32Array.from(found);
}

function countVirtual(
  counter: PageCounter,
  columns: PageColumns,
  begin: number,
  end: number,
): void {
  const { flags, vaddr, crossing } = columns;
  const left = AccessFlag.aborted | AccessFlag.physicalOnly;
  counter.count({ address: vaddr, flags, left, mayBeUnknown: false }, begin, end);
  const first = partitionPoint(crossing.length, (one) => crossing[one] < begin);
  for (let at = first; at < crossing.length && crossing[at] < end; at++) {
    const i = crossing[at];
    if ((flags[i] & left) !== 0) continue;
    const lo = ((vaddr[2 * i] >>> PAGE_SHIFT) | (vaddr[2 * i + 1] << 20)) >>> 0;
    const hi = vaddr[2 * i + 1] >>> PAGE_SHIFT;
    // Behind the last page of all comes the first.
    counter.countOne((lo + 1) >>> 0, lo === ONES ? (hi + 1) & 0xf_ffff : hi, flags[i] & 1);
  }
}

function countPhysical(
  counter: PageCounter,
  columns: PageColumns,
  begin: number,
  end: number,
): void {
  const { flags, paddr, crossing, crossingPaddr } = columns;
  const left = AccessFlag.aborted;
  counter.count({ address: paddr, flags, left, mayBeUnknown: true }, begin, end);
  const first = partitionPoint(crossing.length, (one) => crossing[one] < begin);
  for (let at = first; at < crossing.length && crossing[at] < end; at++) {
    const i = crossing[at];
    const lo = crossingPaddr[2 * at];
    const hi = crossingPaddr[2 * at + 1];
    if ((flags[i] & left) !== 0 || (lo === ONES && hi === ONES)) continue;
    counter.countOne(((lo >>> PAGE_SHIFT) | (hi << 20)) >>> 0, hi >>> PAGE_SHIFT, flags[i] & 1);
  }
}

interface CountedColumns {
  /** In halves. */
  readonly address: Uint32Array;
  readonly flags: Uint8Array;
  /** Bits of flags of accesses that are left out. */
  readonly left: number;
  /** All ones: it is not known. */
  readonly mayBeUnknown: boolean;
}

interface PageCounter {
  count(columns: CountedColumns, begin: number, end: number): void;
  countOne(pageLo: number, pageHi: number, store: number): void;
  closeStretch(): void;
  finish(): PageCounts;
}

/** Slots of the front table; a power of two. */
const SLOT_COUNT = 2048;

/**
 * Most accesses are counted in a direct-mapped front table; what it has to give up for another page, and all of
 * it at the end of a stretch, goes to the table of all pages.
 */
function createPageCounter(): PageCounter {
  const slotLo = new Int32Array(SLOT_COUNT);
  /** -1: the slot is empty. */
  const slotHi = new Int32Array(SLOT_COUNT).fill(-1);
  /** Loads of slot s at 2 * s, stores behind. */
  const slotCounts = new Uint32Array(2 * SLOT_COUNT);
  const filled = new Uint32Array(SLOT_COUNT);
  let filledCount = 0;
  const units = createUnitTable(PAGE_SHIFT);
  /** Of the stretch: loads of row r at 2 * r, stores behind. */
  let counts = new Uint32Array(2 * units.unitLo.length);
  /** Rows of the stretch. */
  let touched = new Uint32Array(units.unitLo.length);
  let touchedCount = 0;
  const cellCount: number[] = [];
  const page = growing();
  const loads = growing();
  const stores = growing();
  const emptySlot = (slot: number): void => {
    const row = rowOfUnit(units, slotLo[slot] >>> 0, slotHi[slot]);
    if (2 * row >= counts.length) {
      const [oldCounts, oldTouched] = [counts, touched];
      counts = new Uint32Array(2 * units.unitLo.length);
      touched = new Uint32Array(units.unitLo.length);
      counts.set(oldCounts);
      touched.set(oldTouched);
    }
    if ((counts[2 * row] | counts[2 * row + 1]) === 0) touched[touchedCount++] = row;
    counts[2 * row] += slotCounts[2 * slot];
    counts[2 * row + 1] += slotCounts[2 * slot + 1];
    slotCounts[2 * slot] = 0;
    slotCounts[2 * slot + 1] = 0;
  };
  const countOne = (pageLo: number, pageHi: number, store: number): void => {
    const slot = slotOf(pageLo);
    if (slotHi[slot] !== pageHi || slotLo[slot] !== (pageLo | 0)) {
      if (slotHi[slot] === -1) filled[filledCount++] = slot;
      else emptySlot(slot);
      slotLo[slot] = pageLo;
      slotHi[slot] = pageHi;
    }
    slotCounts[2 * slot + store]++;
  };
  return {
    countOne,
    count({ address, flags, left, mayBeUnknown }, begin, end) {
      const words = new Int32Array(address.buffer, address.byteOffset, address.length);
      const special = left | AccessFlag.paddrUnknown;
      for (let i = begin; i < end; i++) {
        const flag = flags[i];
        const hi = words[2 * i + 1];
        const pageLo = (words[2 * i] >>> PAGE_SHIFT) | (hi << 20);
        const pageHi = hi >>> PAGE_SHIFT;
        const slot = slotOf(pageLo);
        if ((flag & special) === 0 && slotLo[slot] === pageLo && slotHi[slot] === pageHi) {
          slotCounts[2 * slot + (flag & 1)]++;
        } else if ((flag & left) === 0) {
          const isUnknown = mayBeUnknown && hi === -1 && words[2 * i] === -1;
          if (!isUnknown) countOne(pageLo, pageHi, flag & 1);
        }
      }
    },
    closeStretch() {
      for (let at = 0; at < filledCount; at++) {
        emptySlot(filled[at]);
        slotHi[filled[at]] = -1;
      }
      filledCount = 0;
      for (let at = 0; at < touchedCount; at++) {
        const row = touched[at];
        page.push(row);
        loads.push(counts[2 * row]);
        stores.push(counts[2 * row + 1]);
        counts[2 * row] = 0;
        counts[2 * row + 1] = 0;
      }
      cellCount.push(touchedCount);
      touchedCount = 0;
    },
    finish: () =>
      sortCells(units, Uint32Array.from(cellCount), page.taken(), loads.taken(), stores.taken()),
  };
}

function slotOf(pageLo: number): number {
  return (pageLo ^ (pageLo >>> 11)) & (SLOT_COUNT - 1);
}

/** Pages get their numbers by address, and the cells of each stretch their order. */
function sortCells(
  units: UnitTable,
  cellCount: Uint32Array,
  row: Uint32Array,
  loads: Uint32Array,
  stores: Uint32Array,
): PageCounts {
  const rows = rowsByAddress(units);
  const pageOfRow = new Uint32Array(rows.length);
  for (let at = 0; at < rows.length; at++) pageOfRow[rows[at]] = at;
  const sorted = { page: row.slice(), loads: loads.slice(), stores: stores.slice() };
  let begin = 0;
  for (const count of cellCount) {
    const order = Float64Array.from(
      { length: count },
      (_, i) => pageOfRow[row[begin + i]] * 2 ** 21 + i,
    ).sort();
    for (let i = 0; i < count; i++) {
      const from = begin + (order[i] % 2 ** 21);
      sorted.page[begin + i] = pageOfRow[row[from]];
      sorted.loads[begin + i] = loads[from];
      sorted.stores[begin + i] = stores[from];
    }
    begin += count;
  }
  return {
    pageLo: rows.map((one) => units.unitLo[one]),
    pageHi: rows.map((one) => units.unitHi[one]),
    cellCount,
    ...sorted,
  };
}

interface GrowingColumn {
  push(value: number): void;
  taken(): Uint32Array;
}

function growing(): GrowingColumn {
  let column = new Uint32Array(1024);
  let length = 0;
  return {
    push(value) {
      if (length === column.length) {
        const old = column;
        column = new Uint32Array(2 * length);
        column.set(old);
      }
      column[length++] = value;
    },
    taken: () => column.subarray(0, length),
  };
}

type SliceNote = NonNullable<TraceSlice['notes']>[number];

interface TrackCounter {
  note(note: SliceNote): void;
  count(slice: TraceSlice, begin: number, end: number): void;
  nextStretch(): void;
  finish(): TrackRows;
}

interface Row {
  readonly stretch: number;
  readonly vcpu: number;
  readonly cr3: bigint;
  icountLo: number;
  icountHi: number;
  loads: number;
  stores: number;
  user: number;
  interrupts: number;
  exceptions: number;
}

interface KindCounts {
  accesses: number;
  stores: number;
  user: number;
}

/** Without aborted ones. Four at a time where columns lie so. */
function countKinds(flags: Uint8Array, cpl: Uint8Array, begin: number, end: number): KindCounts {
  const counts = { accesses: 0, stores: 0, user: 0 };
  const wordBegin = begin + ((4 - ((flags.byteOffset + begin) & 3)) & 3);
  const wordEnd = end - ((flags.byteOffset + end) & 3);
  const isAligned = ((flags.byteOffset ^ cpl.byteOffset) & 3) === 0;
  if (!isAligned || wordEnd <= wordBegin) {
    countBytes(counts, flags, cpl, begin, end);
    return counts;
  }
  countBytes(counts, flags, cpl, begin, wordBegin);
  countWords(counts, flags, cpl, wordBegin, wordEnd);
  countBytes(counts, flags, cpl, wordEnd, end);
  return counts;
}

function countBytes(
  counts: KindCounts,
  flags: Uint8Array,
  cpl: Uint8Array,
  begin: number,
  end: number,
): void {
  for (let i = begin; i < end; i++) {
    if ((flags[i] & AccessFlag.aborted) !== 0) continue;
    counts.accesses++;
    counts.stores += flags[i] & 1;
    if (cpl[i] === 3) counts.user++;
  }
}

const EACH_BYTE = 0x0101_0101;

function countWords(
  counts: KindCounts,
  flags: Uint8Array,
  cpl: Uint8Array,
  begin: number,
  end: number,
): void {
  const length = (end - begin) / 4;
  const flagWords = new Int32Array(flags.buffer, flags.byteOffset + begin, length);
  const cplWords = new Int32Array(cpl.buffer, cpl.byteOffset + begin, length);
  let stores = 0;
  let user = 0;
  for (let i = 0; i < length; i++) {
    const flag = flagWords[i];
    const ring = cplWords[i];
    if ((flag & (EACH_BYTE * AccessFlag.aborted)) !== 0) {
      countBytes(counts, flags, cpl, begin + 4 * i, begin + 4 * i + 4);
      continue;
    }
    counts.accesses += 4;
    // 3 has its two lowest bits set; so has 255, which has the third one too.
    stores += Math.imul(flag & EACH_BYTE, EACH_BYTE) >>> 24;
    user += Math.imul(ring & (ring >>> 1) & ~(ring >>> 2) & EACH_BYTE, EACH_BYTE) >>> 24;
  }
  counts.stores += stores;
  counts.user += user;
}

function createTrackCounter(info: ChunkInfo): TrackCounter {
  const rows: Row[] = [];
  const cr3Of = new Map(info.vcpuStates.map(({ vcpu, cr3 }) => [vcpu, cr3]));
  const icountOf = new Map(info.vcpuStates.map(({ vcpu, icount }) => [vcpu, icount]));
  let { vcpu } = info;
  let stretch = 0;
  let stretchBegin = 0;
  let row: Row | undefined;
  const current = (): Row => {
    const cr3 = cr3Of.get(vcpu) ?? 0n;
    if (row?.vcpu === vcpu && row.cr3 === cr3 && row.stretch === stretch) return row;
    for (let at = stretchBegin; at < rows.length; at++) {
      if (rows[at].vcpu === vcpu && rows[at].cr3 === cr3) return (row = rows[at]);
    }
    // What comes before the vCPU's first access here: no later than it.
    const icount = icountOf.get(vcpu) ?? 0n;
    row = {
      ...{ stretch, vcpu, cr3, loads: 0, stores: 0, user: 0, interrupts: 0, exceptions: 0 },
      icountLo: Number(icount & 0xffff_ffffn),
      icountHi: Number(icount >> 32n),
    };
    rows.push(row);
    return row;
  };
  return {
    note(note) {
      if (note.kind === 'vcpu') vcpu = note.next;
      else if (note.kind === 'cr3') cr3Of.set(vcpu, note.cr3);
      else if (note.kind === 'event') {
        if ((note.what & EVENT_FROM_OUTSIDE) !== 0) current().interrupts++;
        else if ((note.what & EVENT_OTHER) === 0) current().exceptions++;
      }
    },
    count({ flags, cpl, icount }, begin, end) {
      if (flags === undefined || cpl === undefined || icount === undefined) {
        throw new Error('internal: a slice lacks a column');
      }
      const { accesses, stores, user } = countKinds(flags, cpl, begin, end);
      const last = icount[end - 1];
      icountOf.set(vcpu, last);
      const here = current();
      here.loads += accesses - stores;
      here.stores += stores;
      here.user += user;
      here.icountLo = Number(last & 0xffff_ffffn);
      here.icountHi = Number(last >> 32n);
    },
    nextStretch() {
      stretch++;
      stretchBegin = rows.length;
    },
    finish() {
      const column = (pick: (one: Row) => number): Uint32Array => Uint32Array.from(rows, pick);
      return {
        stretch: column((one) => one.stretch),
        vcpu: column((one) => one.vcpu),
        cr3Lo: column((one) => Number(one.cr3 & 0xffff_ffffn)),
        cr3Hi: column((one) => Number(one.cr3 >> 32n)),
        icountLo: column((one) => one.icountLo),
        icountHi: column((one) => one.icountHi),
        loads: column((one) => one.loads),
        stores: column((one) => one.stores),
        user: column((one) => one.user),
        interrupts: column((one) => one.interrupts),
        exceptions: column((one) => one.exceptions),
      };
    },
  };
}
