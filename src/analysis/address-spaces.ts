// SPDX-License-Identifier: Apache-2.0
// Which address spaces there were: one for each top-level page table that CR3 named, from its first use to its last.
// The process-context identifier is not part of a CR3 here (Intel SDM 3A 4.5, 4.10.1). A kernel that isolates its page
// tables (Linux: CR3 bit 12) has two tables for a process, which are one address space. When a table is filled
// anew while it is not in use, what comes after is another address space: a new process got the page of an old one.
// Order does not matter: a state keeps what it saw with its ordinals, and all is put in order at the end.

import { halves, ModeBit } from '../base/index.ts';
import { AccessFlag } from '../format/index.ts';
import { type AccessColumns, requireColumn } from './access-columns.ts';
import type { FreeAnalysis, TraceShape } from './analysis.ts';
import { beginOfWindow, type TimeWindows, windowOf } from './time-windows.ts';

export interface AddressSpacesParameters {
  /** Every value of CR3 that the trace has: only stores to these tables are looked at. */
  readonly tables: readonly bigint[];
  /** By block of the code table: number of the program whose code it is plus 1, 0: not known. */
  readonly programOfBlock: Uint16Array | undefined;
  readonly programCount: number;
  /** The ordinals of all vCPUs are of one order; else it is not looked at who filled a table when. */
  readonly hasGlobalOrder: boolean;
  /** Count accesses by window too; undefined: do not. */
  readonly windows: TimeWindows | undefined;
}

/** A place in the trace. */
export interface SpacePlace {
  readonly ordinal: number;
  readonly vcpu: number;
  readonly icount: number;
}

/** Use of a table, not interrupted by stores to its ends; or such stores between two uses. */
type TableRecord = TableUse | TableFilled;

interface TableUse {
  readonly kind: 'use';
  readonly table: number;
  readonly stream: number;
  /** CR3 as the column has it. */
  readonly cr3Values: Set<bigint>;
  readonly first: SpacePlace;
  last: SpacePlace;
  accesses: number;
  userAccesses: number;
  /** Accesses by code of each program. */
  readonly programAccesses: number[];
  /** Accesses by window; nothing without windows. */
  readonly byWindow: Map<number, number>;
}

interface TableFilled {
  readonly kind: 'filled';
  readonly table: number;
  readonly stream: number;
  readonly ordinal: number;
  /** FIRST_ENTRY_BIT, LAST_ENTRY_BIT. */
  entries: number;
}

export interface AddressSpacesState {
  /** Page number of each table to watch. */
  readonly pages: ReadonlySet<number>;
  readonly programOfBlock: Uint16Array | undefined;
  readonly programCount: number;
  readonly hasGlobalOrder: boolean;
  readonly windows: TimeWindows | undefined;
  readonly isLegacy: Uint8Array;
  readonly records: TableRecord[];
  /** What later uses and stores are added to while nothing comes between. */
  open: OpenRecords;
  /** Where the next stretch has to begin for that, in this stream. */
  openStream: number;
  openOrdinal: number;
}

/** By table. */
type OpenRecords = Map<number, TableRecord>;

export interface AddressSpace {
  /** From 1, in the order of first use. */
  readonly number: number;
  /** Guest-physical address of the top-level page table; that of the kernel where there are two. */
  readonly table: number;
  /** Of the second table, which user code runs with; undefined: there is none. */
  readonly userTable: number | undefined;
  /** What the column cr3 had for it, ascending: of both tables, with process-context identifiers. */
  readonly cr3Values: readonly bigint[];
  readonly accesses: number;
  /** At CPL 3. */
  readonly userAccesses: number;
  readonly first: SpacePlace;
  readonly last: SpacePlace;
  /** Those of the code of program n: what shows that it ran here. */
  readonly programAccesses: readonly number[];
  /** Accesses by window; empty when no windows were asked for. */
  readonly byWindow: readonly number[];
}

export interface AddressSpacesResult {
  readonly accesses: number;
  /** The kernel has page tables of its own beside those of user code. */
  readonly isolated: boolean;
  readonly spaces: readonly AddressSpace[];
}

const PAGE_BYTES = 4096;
const TWIN_BYTES = 4096;
/** Offsets of the first and the last entry of a table, their low three bits aside. */
const ENTRY_MASK = 0xff8;
const LAST_ENTRY = 0xff8;
const FIRST_ENTRY_BIT = 1;
const LAST_ENTRY_BIT = 2;
const BOTH_ENTRIES = 3;
/** Bits 63 and 62 of CR3 do not belong to an address; low bits: a page in long mode, 32 bytes with PAE. */
const HIGH_MASK = 0x000f_ffff;
const LONG_MASK = ~0xfff;
const LEGACY_MASK = ~0x1f;

export const addressSpacesAnalysis: FreeAnalysis<
  AddressSpacesParameters,
  AddressSpacesState,
  AddressSpacesResult
> = {
  name: 'address-spaces',
  order: 'any',
  columns: ['cr3', 'cpl', 'flags', 'vaddr', 'paddr', 'icount', 'vcpu', 'block', 'ordinal'],
  requires: ['address-space'],
  init: initAddressSpaces,
  consume: consumeAddressSpaces,
  merge: mergeAddressSpaces,
  finish: finishAddressSpaces,
};

function initAddressSpaces(
  { tables, programOfBlock, programCount, hasGlobalOrder, windows }: AddressSpacesParameters,
  { code, blockCount }: TraceShape,
): AddressSpacesState {
  const isLegacy = new Uint8Array(blockCount);
  for (let block = 0; block < blockCount; block++) {
    if (((code.mode(block) ?? ModeBit.long) & ModeBit.long) === 0) isLegacy[block] = 1;
  }
  const pages = new Set(
    tables.map((cr3) => Number(BigInt.asUintN(52, cr3)) / PAGE_BYTES).map(Math.floor),
  );
  return {
    ...{ pages, programOfBlock, programCount, hasGlobalOrder, windows, isLegacy },
    ...{ records: [], open: new Map(), openStream: -1, openOrdinal: 0 },
  };
}

function consumeAddressSpaces(state: AddressSpacesState, batch: AccessColumns): void {
  const cr3 = halves(requireColumn(batch.cr3, 'cr3'));
  const block = requireColumn(batch.block, 'block');
  if (batch.length === 0) return;
  const ordinal = requireColumn(batch.ordinal, 'ordinal');
  const stream = batch.stream ?? 0;
  if (stream !== state.openStream || ordinal[0] !== state.openOrdinal) state.open = new Map();
  state.openStream = stream;
  state.openOrdinal = ordinal[batch.length - 1] + 1;
  for (let begin = 0; begin < batch.length; ) {
    const lo = cr3[2 * begin];
    const hi = cr3[2 * begin + 1];
    let end = begin + 1;
    while (end < batch.length && cr3[2 * end] === lo && cr3[2 * end + 1] === hi) end++;
    const mask = state.isLegacy[block[begin]] === 0 ? LONG_MASK : LEGACY_MASK;
    const table = (hi & HIGH_MASK) * 2 ** 32 + ((lo & mask) >>> 0);
    while (begin < end) {
      const at = state.hasGlobalOrder ? findTableStore(state, batch, begin, end) : end;
      addUse(state, batch, table, begin, Math.min(end, at + 1));
      if (at < end) addFilled(state, batch, at);
      begin = at + 1;
    }
    begin = end;
  }
}

/** The first store to an end of a table that is watched, `end` when there is none. */
function findTableStore(
  { pages }: AddressSpacesState,
  batch: AccessColumns,
  begin: number,
  end: number,
): number {
  const flags = requireColumn(batch.flags, 'flags');
  const vaddr = halves(requireColumn(batch.vaddr, 'vaddr'));
  const paddr = halves(requireColumn(batch.paddr, 'paddr'));
  for (let i = begin; i < end; i++) {
    const entry = vaddr[2 * i] & ENTRY_MASK;
    if ((entry !== 0 && entry !== LAST_ENTRY) || (flags[i] & AccessFlag.store) === 0) continue;
    if (pages.has(pageAt(paddr, i)) && (flags[i] & AccessFlag.physicalOnly) === 0) return i;
  }
  return end;
}

function pageAt(paddr: Uint32Array, i: number): number {
  return paddr[2 * i + 1] * 2 ** 20 + (paddr[2 * i] >>> 12);
}

function addUse(
  state: AddressSpacesState,
  batch: AccessColumns,
  table: number,
  begin: number,
  end: number,
): void {
  const { open } = state;
  let use = open.get(table);
  if (use?.kind !== 'use') {
    const first = placeOf(batch, begin);
    const programAccesses = Array.from({ length: state.programCount }, () => 0);
    const counts = { accesses: 0, userAccesses: 0, programAccesses, byWindow: new Map() };
    const place = { table, stream: batch.stream ?? 0, cr3Values: new Set<bigint>() };
    use = { kind: 'use', ...place, first, last: first, ...counts };
    open.set(table, use);
    state.records.push(use);
  }
  // Maybe the other table of the same address space: then its filling ends here.
  const twin = table - TWIN_BYTES;
  if (open.get(twin)?.kind === 'filled') open.delete(twin);
  use.last = placeOf(batch, end - 1);
  use.cr3Values.add(requireColumn(batch.cr3, 'cr3')[begin]);
  use.accesses += end - begin;
  const cpl = requireColumn(batch.cpl, 'cpl');
  let userAccesses = 0;
  for (let i = begin; i < end; i++) if (cpl[i] === 3) userAccesses++;
  use.userAccesses += userAccesses;
  if (state.windows !== undefined) countWindows(use.byWindow, state.windows, batch, begin, end);
  const { programOfBlock } = state;
  if (programOfBlock === undefined || userAccesses === 0) return;
  const block = requireColumn(batch.block, 'block');
  for (let i = begin; i < end; i++) {
    const program = programOfBlock[block[i]];
    if (program > 0) use.programAccesses[program - 1]++;
  }
}

function countWindows(
  byWindow: Map<number, number>,
  windows: TimeWindows,
  batch: AccessColumns,
  begin: number,
  end: number,
): void {
  const icount = halves(requireColumn(batch.icount, 'icount'));
  let window = -1;
  let count = 0;
  // Half open, of the current window.
  let from = 0;
  let to = 0;
  for (let i = begin; i < end; i++) {
    const now = icount[2 * i + 1] * 2 ** 32 + icount[2 * i];
    if (now < from || now >= to || window < 0) {
      if (count > 0) byWindow.set(window, (byWindow.get(window) ?? 0) + count);
      count = 0;
      window = windowOf(windows, now);
      from = window === 0 ? 0 : beginOfWindow(windows, window);
      to = window === windows.windowCount - 1 ? Infinity : beginOfWindow(windows, window + 1);
    }
    count++;
  }
  if (count > 0) byWindow.set(window, (byWindow.get(window) ?? 0) + count);
}

/** Access `at` is a store to an end of a table. */
function addFilled(state: AddressSpacesState, batch: AccessColumns, at: number): void {
  const { open } = state;
  const paddr = halves(requireColumn(batch.paddr, 'paddr'));
  const table = pageAt(paddr, at) * PAGE_BYTES;
  let filled = open.get(table);
  if (filled?.kind !== 'filled') {
    const { ordinal } = placeOf(batch, at);
    filled = { kind: 'filled', table, stream: batch.stream ?? 0, ordinal, entries: 0 };
    open.set(table, filled);
    state.records.push(filled);
  }
  const twin = table + TWIN_BYTES;
  if (open.get(twin)?.kind === 'use') open.delete(twin);
  filled.entries |= (paddr[2 * at] & ENTRY_MASK) === 0 ? FIRST_ENTRY_BIT : LAST_ENTRY_BIT;
}

function placeOf(batch: AccessColumns, i: number): SpacePlace {
  const icount = halves(requireColumn(batch.icount, 'icount'));
  return {
    ordinal: requireColumn(batch.ordinal, 'ordinal')[i],
    vcpu: requireColumn(batch.vcpu, 'vcpu')[i],
    icount: icount[2 * i + 1] * 2 ** 32 + icount[2 * i],
  };
}

function mergeAddressSpaces(a: AddressSpacesState, b: AddressSpacesState): AddressSpacesState {
  for (const record of b.records) a.records.push(record);
  a.openStream = -1;
  return a;
}

function finishAddressSpaces({ records, windows }: AddressSpacesState): AddressSpacesResult {
  const ordinalOf = (record: TableRecord): number =>
    record.kind === 'use' ? record.first.ordinal : record.ordinal;
  const ordered = records.toSorted((a, b) => a.stream - b.stream || ordinalOf(a) - ordinalOf(b));
  const twins = findTwins(ordered);
  const spaces: TableUse[] = [];
  const current = new Map<number, TableUse>();
  const filled = new Map<number, number>();
  for (const record of ordered) {
    if (record.kind === 'filled') {
      filled.set(record.table, (filled.get(record.table) ?? 0) | record.entries);
      continue;
    }
    const table = twins.has(record.table) ? record.table - TWIN_BYTES : record.table;
    const isNew = filled.get(table) === BOTH_ENTRIES;
    filled.delete(table);
    const space = isNew ? undefined : current.get(table);
    if (space === undefined) {
      const programAccesses = [...record.programAccesses];
      const cr3Values = new Set(record.cr3Values);
      const byWindow = new Map(record.byWindow);
      const made = { ...record, table, cr3Values, programAccesses, byWindow };
      current.set(table, made);
      spaces.push(made);
    } else {
      // The two tables of a process take turns.
      if (record.stream !== space.stream || record.last.ordinal > space.last.ordinal) {
        space.last = record.last;
      }
      for (const value of record.cr3Values) space.cr3Values.add(value);
      space.accesses += record.accesses;
      space.userAccesses += record.userAccesses;
      for (const [program, count] of record.programAccesses.entries()) {
        space.programAccesses[program] += count;
      }
      for (const [window, count] of record.byWindow) {
        space.byWindow.set(window, (space.byWindow.get(window) ?? 0) + count);
      }
    }
  }
  return {
    accesses: spaces.reduce((sum, { accesses }) => sum + accesses, 0),
    isolated: twins.size > 0,
    spaces: spaces.map(({ kind: _kind, stream: _stream, byWindow, table, ...space }, index) => ({
      ...{ number: index + 1, table, ...space },
      byWindow: Array.from({ length: windows?.windowCount ?? 0 }, (_, w) => byWindow.get(w) ?? 0),
      userTable: twins.has(table + TWIN_BYTES) ? table + TWIN_BYTES : undefined,
      cr3Values: [...space.cr3Values].sort((a, b) => (a < b ? -1 : 1)),
    })),
  };
}

/**
 * Tables of user code whose kernel half is the page before. Only where all user code runs with such tables:
 * else two processes have neighbouring pages by chance.
 */
function findTwins(records: readonly TableRecord[]): ReadonlySet<number> {
  const seen = new Set<number>();
  const withUser = new Set<number>();
  for (const record of records) {
    if (record.kind !== 'use') continue;
    seen.add(record.table);
    if (record.userAccesses > 0) withUser.add(record.table);
  }
  const isTwin = (table: number): boolean =>
    table % (2 * TWIN_BYTES) === TWIN_BYTES &&
    seen.has(table - TWIN_BYTES) &&
    !withUser.has(table - TWIN_BYTES);
  return new Set([...withUser].every(isTwin) ? withUser : []);
}
