// SPDX-License-Identifier: Apache-2.0
// Counts the pages of one chunk's accesses by stretch, virtual and physical. An access counts in the page of its
// first byte and, when it crosses, in the next one too. Aborted accesses count nowhere.

import { createUnitTable, rowOfUnit, rowsByAddress, type UnitTable } from '../analysis/index.ts';
import { bytesFromBase64, halves, partitionPoint, requireDefined } from '../base/index.ts';
import { AccessFlag, type TraceSlice } from '../format/index.ts';
import { BASE_STEP, PAGE_BYTES, PAGE_SHIFT } from './layout.ts';
import { PAGE_KERNEL_BASE64 } from './page-kernel.gen.ts';
import { createVcpuPageCounter, type VcpuPageCounter, type VcpuPages } from './vcpu-pages.ts';
import type { Space } from './view-index.ts';

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

export interface CountedPages extends Readonly<Record<Space, PageCounts | undefined>> {
  /** Whose the virtual ones are; undefined where there are none. */
  readonly vcpuPages: VcpuPages | undefined;
}

export interface PageCounter {
  /** Accesses from here on are this vCPU's. */
  switchTo(vcpu: number): void;
  /** Accesses begin to end of the slice, of one stretch, with the columns of the spaces, flags and size. */
  add(slice: TraceSlice, begin: number, end: number): void;
  closeStretch(): void;
  finish(): CountedPages;
}

const ONES = 0xffff_ffff;

export function createPageCounter(spaces: ReadonlySet<Space>, firstVcpu: number): PageCounter {
  const stretch = createStretchKernel(spaces);
  const owners = createVcpuPageCounter(firstVcpu);
  const virtual = spaces.has('virtual') ? createSpaceCounter(owners) : undefined;
  const physical = spaces.has('physical') ? createSpaceCounter(undefined) : undefined;
  const addRows = (): void => {
    stretch.close((rows, count) => {
      for (let at = 0; at < 8 * count; at += 8) {
        const [loads, stores] = [rows[at + 4], rows[at + 5]];
        // All ones: no page; their numbers have 52 bits.
        if (rows[at + 1] !== ONES) virtual?.add(rows[at], rows[at + 1], loads, stores);
        if (rows[at + 3] !== ONES) physical?.add(rows[at + 2], rows[at + 3], loads, stores);
      }
    });
  };
  return {
    switchTo(vcpu) {
      addRows();
      virtual?.switchTo(vcpu);
    },
    add(slice, begin, end) {
      stretch.count(slice, begin, end);
      const flags = requireDefined(slice.flags, 'it was asked for');
      const vaddr = slice.vaddr === undefined ? undefined : halves(slice.vaddr);
      const { index, paddr } = slice.crossings ?? {
        index: findCrossings(
          vaddr ?? new Uint32Array(),
          slice.size ?? new Uint8Array(),
          begin,
          end,
        ),
        paddr: new BigUint64Array(),
      };
      const crossingPaddr = halves(paddr);
      const first = partitionPoint(index.length, (one) => index[one] < begin);
      for (let at = first; at < index.length && index[at] < end; at++) {
        const i = index[at];
        if ((flags[i] & AccessFlag.aborted) !== 0) continue;
        const stores = flags[i] & AccessFlag.store;
        if (vaddr !== undefined && (flags[i] & AccessFlag.physicalOnly) === 0) {
          addNext(virtual, vaddr[2 * i], vaddr[2 * i + 1], stores);
        }
        const [lo, hi] = [crossingPaddr[2 * at], crossingPaddr[2 * at + 1]];
        if (physical !== undefined && (lo !== ONES || hi !== ONES)) {
          physical.add(pageLoOf(lo, hi), hi >>> PAGE_SHIFT, 1 - stores, stores);
        }
      }
    },
    closeStretch() {
      addRows();
      virtual?.closeStretch();
      physical?.closeStretch();
    },
    finish: () => {
      const ofVirtual = virtual?.finish();
      return {
        virtual: ofVirtual?.counts,
        physical: physical?.finish().counts,
        vcpuPages: ofVirtual === undefined ? undefined : owners.finish(ofVirtual.pageOfRow),
      };
    },
  };
}

function pageLoOf(lo: number, hi: number): number {
  return ((lo >>> PAGE_SHIFT) | (hi << (32 - PAGE_SHIFT))) >>> 0;
}

/** Behind the last page of all comes the first. */
function addNext(counter: SpaceCounter | undefined, lo: number, hi: number, stores: number): void {
  const pageLo = pageLoOf(lo, hi);
  const pageHi = hi >>> PAGE_SHIFT;
  const nextHi = pageLo === ONES ? (pageHi + 1) & 0xf_ffff : pageHi;
  counter?.add((pageLo + 1) >>> 0, nextHi, 1 - stores, stores);
}

/** Accesses that cross a page, ascending. */
function findCrossings(
  vaddr: Uint32Array,
  size: Uint8Array,
  begin: number,
  end: number,
): Uint32Array {
  const found: number[] = [];
  for (let i = begin; i < end; i++) {
    if ((vaddr[2 * i] & (PAGE_BYTES - 1)) + size[i] > PAGE_BYTES) found.push(i);
  }
  return Uint32Array.from(found);
}

/** What kernel/pages/count.ts exports. */
interface PageKernel {
  readonly memory: WebAssembly.Memory;
  begin(hasVirtual: number, hasPhysical: number): number;
  vaddrAt(): number;
  paddrAt(): number;
  flagsAt(): number;
  rowsAt(): number;
  rowTotal(): number;
  forgetRows(): void;
  count(accesses: number): void;
}

const EXPORTED_FUNCTIONS = [
  ...['begin', 'vaddrAt', 'paddrAt', 'flagsAt', 'rowsAt', 'rowTotal', 'forgetRows', 'count'],
];

let compiled: WebAssembly.Module | undefined;

interface StretchKernel {
  count(slice: TraceSlice, begin: number, end: number): void;
  /** Rows of 8 words: virtual and physical page in halves, loads, stores, and two that are spare. */
  close(take: (rows: Uint32Array, count: number) => void): void;
}

function createStretchKernel(spaces: ReadonlySet<Space>): StretchKernel {
  compiled ??= new WebAssembly.Module(bytesFromBase64(PAGE_KERNEL_BASE64));
  const { exports: kernel } = new WebAssembly.Instance(compiled, {});
  if (!isPageKernel(kernel)) throw new Error('internal: the kernel of pages lacks an export');
  const [hasVirtual, hasPhysical] = [spaces.has('virtual'), spaces.has('physical')];
  if (kernel.begin(Number(hasVirtual), Number(hasPhysical)) === 0) {
    throw new Error('internal: no memory for a stretch');
  }
  const { buffer } = kernel.memory;
  const vaddr = new BigUint64Array(buffer, kernel.vaddrAt(), BASE_STEP);
  const paddr = new BigUint64Array(buffer, kernel.paddrAt(), BASE_STEP);
  const flags = new Uint8Array(buffer, kernel.flagsAt(), BASE_STEP);
  const rows = new Uint32Array(buffer, kernel.rowsAt(), 8 * BASE_STEP);
  return {
    count(slice, begin, end) {
      flags.set(requireDefined(slice.flags, 'it was asked for').subarray(begin, end));
      if (hasVirtual) {
        vaddr.set(requireDefined(slice.vaddr, 'it was asked for').subarray(begin, end));
      }
      if (hasPhysical) {
        paddr.set(requireDefined(slice.paddr, 'it was asked for').subarray(begin, end));
      }
      kernel.count(end - begin);
    },
    close(take) {
      take(rows, kernel.rowTotal());
      kernel.forgetRows();
    },
  };
}

function isPageKernel(exports: object): exports is PageKernel {
  const found = new Map<string, unknown>(Object.entries(exports));
  return (
    found.get('memory') instanceof WebAssembly.Memory &&
    EXPORTED_FUNCTIONS.every((name) => typeof found.get(name) === 'function')
  );
}

interface SpaceCounter {
  switchTo(vcpu: number): void;
  add(pageLo: number, pageHi: number, loads: number, stores: number): void;
  closeStretch(): void;
  finish(): { readonly counts: PageCounts; readonly pageOfRow: Uint32Array };
}

/** `owners` are told who accessed what. */
function createSpaceCounter(owners: VcpuPageCounter | undefined): SpaceCounter {
  const units = createUnitTable(PAGE_SHIFT);
  /** Of the stretch: loads of row r at 2 * r, stores behind. */
  let counts = new Uint32Array(2 * units.unitLo.length);
  /** Rows of the stretch. */
  let touched = new Uint32Array(units.unitLo.length);
  let touchedCount = 0;
  const cellCount: number[] = [];
  const page = growing();
  const loadsOf = growing();
  const storesOf = growing();
  return {
    switchTo: (vcpu) => owners?.switchTo(vcpu, touched.subarray(0, touchedCount)),
    add(pageLo, pageHi, loads, stores) {
      const row = rowOfUnit(units, pageLo, pageHi);
      if (2 * row >= counts.length) {
        const [oldCounts, oldTouched] = [counts, touched];
        counts = new Uint32Array(2 * units.unitLo.length);
        touched = new Uint32Array(units.unitLo.length);
        counts.set(oldCounts);
        touched.set(oldTouched);
      }
      if ((counts[2 * row] | counts[2 * row + 1]) === 0) touched[touchedCount++] = row;
      counts[2 * row] += loads;
      counts[2 * row + 1] += stores;
      owners?.add(row);
    },
    closeStretch() {
      owners?.closeStretch();
      for (let at = 0; at < touchedCount; at++) {
        const row = touched[at];
        page.push(row);
        loadsOf.push(counts[2 * row]);
        storesOf.push(counts[2 * row + 1]);
        counts[2 * row] = 0;
        counts[2 * row + 1] = 0;
      }
      cellCount.push(touchedCount);
      touchedCount = 0;
    },
    finish: () =>
      sortCells(
        ...([units, Uint32Array.from(cellCount)] as const),
        ...([page.taken(), loadsOf.taken(), storesOf.taken()] as const),
      ),
  };
}

/** Pages get their numbers by address, and the cells of each stretch their order. */
function sortCells(
  units: UnitTable,
  cellCount: Uint32Array,
  row: Uint32Array,
  loads: Uint32Array,
  stores: Uint32Array,
): { readonly counts: PageCounts; readonly pageOfRow: Uint32Array } {
  const rows = rowsByAddress(units);
  const pageOfRow = new Uint32Array(rows.length);
  for (let at = 0; at < rows.length; at++) pageOfRow[rows[at]] = at;
  const sorted = { page: row.slice(), loads: loads.slice(), stores: stores.slice() };
  // Two counting sorts: by page, and from there by stretch.
  const ofPage = new Uint32Array(rows.length + 1);
  for (let cell = 0; cell < row.length; cell++) ofPage[pageOfRow[row[cell]] + 1]++;
  for (let page = 0; page < rows.length; page++) ofPage[page + 1] += ofPage[page];
  const byPage = new Uint32Array(row.length);
  for (let cell = 0; cell < row.length; cell++) byPage[ofPage[pageOfRow[row[cell]]]++] = cell;
  const stretchOf = new Uint32Array(row.length);
  const nextOf = new Uint32Array(cellCount.length);
  for (let stretch = 0, begin = 0; stretch < cellCount.length; stretch++) {
    nextOf[stretch] = begin;
    begin += cellCount[stretch];
    stretchOf.fill(stretch, nextOf[stretch], begin);
  }
  for (const cell of byPage) {
    const at = nextOf[stretchOf[cell]]++;
    sorted.page[at] = pageOfRow[row[cell]];
    sorted.loads[at] = loads[cell];
    sorted.stores[at] = stores[cell];
  }
  const counts = {
    pageLo: rows.map((one) => units.unitLo[one]),
    pageHi: rows.map((one) => units.unitHi[one]),
    cellCount,
    ...sorted,
  };
  return { counts, pageOfRow };
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
