// SPDX-License-Identifier: Apache-2.0
// Which pages of virtual memory are accessed most. Order does not matter: batches may be split anywhere and
// the states merged. One hash table of pages, in columns; memory grows with the number of pages, not
// with the length of the trace. Aborted accesses are not counted.

import { TraceError } from '../base/index.ts';
import { type AccessColumns, FLAG_ABORTED, FLAG_STORE, requireColumn } from './access-columns.ts';

export interface TopPagesState {
  pageCount: number;
  capacityLog2: number;
  /** Virtual page number, halves of vaddr >> 12; a row is empty when both counts are 0. */
  pageLo: Uint32Array;
  pageHi: Uint32Array;
  loads: Float64Array;
  stores: Float64Array;
}

export interface PageCount {
  /** Virtual address of the page's first byte. */
  readonly addressLo: number;
  readonly addressHi: number;
  readonly loads: number;
  readonly stores: number;
}

export interface TopPagesResult {
  readonly loads: number;
  readonly stores: number;
  readonly pageCount: number;
  /** Most accesses first; at most as many as asked for. */
  readonly pages: readonly PageCount[];
}

const FIRST_CAPACITY_LOG2 = 12;
/** 2^24 pages are 64 GiB of guest memory and take 400 MB here. */
const PAGE_LIMIT = 2 ** 24;

export function initTopPages(): TopPagesState {
  return { pageCount: 0, ...emptyColumns(FIRST_CAPACITY_LOG2) };
}

/** Counts accesses begin to end of the batch. Throws TraceError 'limit' beyond 2^24 pages. */
export function consumeTopPages(
  state: TopPagesState,
  batch: AccessColumns,
  begin = 0,
  end: number = batch.length,
): void {
  const vaddr = requireColumn(batch.vaddr, 'vaddr');
  const flags = requireColumn(batch.flags, 'flags');
  const halves = new Uint32Array(vaddr.buffer, vaddr.byteOffset, 2 * batch.length);
  let row = -1;
  let lastLo = 0;
  let lastHi = 0;
  for (let i = begin; i < end; i++) {
    const flag = flags[i];
    if ((flag & FLAG_ABORTED) !== 0) continue;
    const hi = halves[2 * i + 1];
    const pageLo = ((halves[2 * i] >>> 12) | (hi << 20)) >>> 0;
    const pageHi = hi >>> 12;
    if (row < 0 || pageLo !== lastLo || pageHi !== lastHi) {
      row = requireRow(state, pageLo, pageHi);
      lastLo = pageLo;
      lastHi = pageHi;
    }
    if ((flag & FLAG_STORE) === 0) state.loads[row]++;
    else state.stores[row]++;
  }
}

/** Adds b to a; b is not to be used any more. */
export function mergeTopPages(a: TopPagesState, b: TopPagesState): TopPagesState {
  for (let other = 0; other < b.loads.length; other++) {
    if (b.loads[other] === 0 && b.stores[other] === 0) continue;
    const row = requireRow(a, b.pageLo[other], b.pageHi[other]);
    a.loads[row] += b.loads[other];
    a.stores[row] += b.stores[other];
  }
  return a;
}

export function finishTopPages(state: TopPagesState, limit: number): TopPagesResult {
  let loads = 0;
  let stores = 0;
  const rows: number[] = [];
  for (let row = 0; row < state.loads.length; row++) {
    const accesses = state.loads[row] + state.stores[row];
    if (accesses === 0) continue;
    loads += state.loads[row];
    stores += state.stores[row];
    rows.push(row);
  }
  const accessesOf = (row: number): number => state.loads[row] + state.stores[row];
  rows.sort(
    (a, b) =>
      accessesOf(b) - accessesOf(a) ||
      state.pageHi[a] - state.pageHi[b] ||
      state.pageLo[a] - state.pageLo[b],
  );
  return {
    loads,
    stores,
    pageCount: rows.length,
    pages: rows.slice(0, limit).map((row) => ({
      addressLo: (state.pageLo[row] << 12) >>> 0,
      addressHi: ((state.pageHi[row] << 12) | (state.pageLo[row] >>> 20)) >>> 0,
      loads: state.loads[row],
      stores: state.stores[row],
    })),
  };
}

/** Row of the page, made when it is new; the caller adds to a count at once, which marks it as used. */
function requireRow(state: TopPagesState, pageLo: number, pageHi: number): number {
  const row = probe(state, pageLo, pageHi);
  if (state.loads[row] !== 0 || state.stores[row] !== 0) return row;
  if (state.pageCount * 2 >= state.loads.length) {
    grow(state);
    return requireRow(state, pageLo, pageHi);
  }
  state.pageCount++;
  state.pageLo[row] = pageLo;
  state.pageHi[row] = pageHi;
  return row;
}

/** The page's row, or the empty row where it belongs. */
function probe(state: TopPagesState, pageLo: number, pageHi: number): number {
  const mask = state.loads.length - 1;
  const mixed = Math.imul(pageLo ^ Math.imul(pageHi, 0x85eb_ca6b), 0x9e37_79b1);
  let row = (mixed >>> (32 - state.capacityLog2)) & mask;
  while (state.loads[row] !== 0 || state.stores[row] !== 0) {
    if (state.pageLo[row] === pageLo && state.pageHi[row] === pageHi) return row;
    row = (row + 1) & mask;
  }
  return row;
}

function grow(state: TopPagesState): void {
  if (state.pageCount >= PAGE_LIMIT) {
    throw new TraceError('limit', `more than ${PAGE_LIMIT} different pages are accessed`);
  }
  const old = { ...state };
  Object.assign(state, emptyColumns(state.capacityLog2 + 1));
  for (let row = 0; row < old.loads.length; row++) {
    if (old.loads[row] === 0 && old.stores[row] === 0) continue;
    const moved = probe(state, old.pageLo[row], old.pageHi[row]);
    state.pageLo[moved] = old.pageLo[row];
    state.pageHi[moved] = old.pageHi[row];
    state.loads[moved] = old.loads[row];
    state.stores[moved] = old.stores[row];
  }
}

function emptyColumns(capacityLog2: number): Omit<TopPagesState, 'pageCount'> {
  const capacity = 2 ** capacityLog2;
  return {
    capacityLog2,
    pageLo: new Uint32Array(capacity),
    pageHi: new Uint32Array(capacity),
    loads: new Float64Array(capacity),
    stores: new Float64Array(capacity),
  };
}
