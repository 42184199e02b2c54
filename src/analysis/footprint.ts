// SPDX-License-Identifier: Apache-2.0
// Working set: how many different lines and pages are touched, in all and in each window of time, by kernel
// and by user code. An access that crosses a line touches two. Order does not matter: each line has a bit for
// each window, by kernel and by user. Lines are kept in groups of neighbours, which most of the time are touched
// together: few are looked for in a table, and to merge two tables is little work. When the groups are too many for
// memory, only those of some pages are kept, chosen by a hash of the page, and the figures are estimates.

import { halves } from '../base/index.ts';
import { AccessFlag } from '../format/index.ts';
import { type AccessColumns, requireColumn } from './access-columns.ts';
import type { FreeAnalysis } from './analysis.ts';
import { createTally, type FootprintPart } from './footprint-tally.ts';
import { beginOfWindow, type TimeWindows, windowOf } from './time-windows.ts';
import {
  coarsenUnits,
  createUnitTable,
  filterUnits,
  hashUnit,
  MAX_UNIT_SHIFT,
  rowOfUnit,
  type UnitTable,
} from './unit-table.ts';

export interface FootprintParameters {
  /** Log2 of a line's bytes, 1 to 31. */
  readonly lineShift: number;
  /** Log2 of a page's bytes, more than that of a line's. */
  readonly pageShift: number;
  readonly windows: TimeWindows;
  /** Most bytes of the table of groups, about. */
  readonly memoryBytes: number;
}

export interface FootprintState {
  readonly parameters: FootprintParameters;
  /** Words of bits, for each of kernel and user, of a line. */
  readonly words: number;
  /** Log2 of the lines in a group: none is larger than a page. */
  readonly groupShift: number;
  readonly groupLimit: number;
  groups: UnitTable;
  /**
   * Of row r, from r * 2 * words << groupShift on: for 32 windows the words of all lines of the group, kernel's and
   * behind them user's; then for the next 32. What is touched at about the same time is close together. None is set of a
   * line that was not touched.
   */
  bits: Uint32Array;
  /** Lines are kept of pages whose hash has this many low bits 0: one page in 2^sampleShift. */
  sampleShift: number;
  /** Accesses, and those of user code, exact. */
  accesses: number;
  userAccesses: number;
}

export interface FootprintResult {
  readonly accesses: number;
  readonly userAccesses: number;
  readonly lineBytes: number;
  readonly pageBytes: number;
  /** 1: exact. Else figures are estimates from the lines of one page in so many. */
  readonly sampledOneIn: number;
  readonly total: FootprintPart;
  readonly windows: readonly (FootprintPart & {
    /** icount. */
    readonly begin: number;
    readonly instructions: number;
  })[];
}

export const footprintAnalysis: FreeAnalysis<FootprintParameters, FootprintState, FootprintResult> =
  {
    name: 'footprint',
    order: 'any',
    columns: ['vaddr', 'size', 'flags', 'icount', 'cpl'],
    requires: ['icount'],
    init: initFootprint,
    consume: consumeFootprint,
    merge: mergeFootprint,
    finish: finishFootprint,
  };

/** Log2 of the lines in a group, at most: of few neighbours of a line that is alone room is taken in vain. */
const MAX_GROUP_SHIFT = 3;
/** Of a row besides its bits: unit number and slots. */
const ROW_BYTES = 16;
const LEAST_GROUPS = 16;

function initFootprint(parameters: FootprintParameters): FootprintState {
  if (parameters.lineShift > parameters.pageShift || parameters.lineShift < 1) {
    throw new Error('internal: a line is larger than a page');
  }
  const { windows, lineShift, pageShift, memoryBytes } = parameters;
  const words = Math.ceil(windows.windowCount / 32);
  const groupShift = Math.min(MAX_GROUP_SHIFT, pageShift - lineShift, MAX_UNIT_SHIFT - lineShift);
  const groupBytes = ROW_BYTES + ((8 * words) << groupShift);
  const groups = createUnitTable(lineShift + groupShift);
  return {
    parameters,
    words,
    groupShift,
    groupLimit: Math.max(LEAST_GROUPS, Math.floor(memoryBytes / groupBytes)),
    groups,
    bits: new Uint32Array((2 * words * groups.unitLo.length) << groupShift),
    sampleShift: 0,
    accesses: 0,
    userAccesses: 0,
  };
}

// The line that was touched last at each hash of few bits, and by whom when: such an access changes nothing.
const SEEN_COUNT = 4096;
/** Four words each: number of the line in halves, mark, unused. */
const seenLines = new Int32Array(4 * SEEN_COUNT);
const SEEN_HI = 1;
const SEEN_MARK = 2;

/**
 * Accesses that touchPiece() takes at a time: V8 compiles a function that is called often once, when it knows all of it, and one
 * long loop piece by piece, as it comes to know it.
 */
const PIECE_LENGTH = 512;

function consumeFootprint(state: FootprintState, batch: AccessColumns): void {
  const { length } = batch;
  const columns: TouchColumns = {
    vaddr: halves(requireColumn(batch.vaddr, 'vaddr')),
    icount: halves(requireColumn(batch.icount, 'icount')),
    size: requireColumn(batch.size, 'size'),
    flags: requireColumn(batch.flags, 'flags'),
    cpl: requireColumn(batch.cpl, 'cpl'),
  };
  seenLines.fill(-1);
  for (let begin = 0; begin < length; begin += PIECE_LENGTH) {
    touchPiece(state, columns, begin, Math.min(length, begin + PIECE_LENGTH));
  }
  state.accesses += length;
}

interface TouchColumns {
  /** In halves. */
  readonly vaddr: Uint32Array;
  /** In halves. */
  readonly icount: Uint32Array;
  readonly size: Uint8Array;
  readonly flags: Uint8Array;
  readonly cpl: Uint8Array;
}

function touchPiece(
  state: FootprintState,
  { vaddr, icount, size, flags, cpl }: TouchColumns,
  begin: number,
  end: number,
): void {
  const { windows, lineShift } = state.parameters;
  const lineMask = 2 ** lineShift - 1;
  const lineBytes = 2 ** lineShift;
  let userAccesses = 0;
  let window = -1;
  // Half open, of the current window.
  let windowBegin = 0;
  let windowEnd = 0;
  for (let i = begin; i < end; i++) {
    const now = icount[2 * i + 1] * 2 ** 32 + icount[2 * i];
    if (now < windowBegin || now >= windowEnd || window < 0) {
      window = windowOf(windows, now);
      windowBegin = window === 0 ? 0 : beginOfWindow(windows, window);
      windowEnd =
        window === windows.windowCount - 1 ? Infinity : beginOfWindow(windows, window + 1);
    }
    const isUser = cpl[i] === 3 ? 1 : 0;
    userAccesses += isUser;
    if ((flags[i] & AccessFlag.physicalOnly) !== 0) continue;
    const mark = 2 * window + isUser;
    const lo = vaddr[2 * i];
    const hi = vaddr[2 * i + 1];
    // With a sign: see rowOfUnit.
    const lineLo = (lo >>> lineShift) | (hi << (32 - lineShift));
    const lineHi = hi >>> lineShift;
    const seen = 4 * ((lineLo ^ (lineLo >>> 12)) & (SEEN_COUNT - 1));
    if (
      seenLines[seen] !== lineLo ||
      seenLines[seen + SEEN_HI] !== lineHi ||
      seenLines[seen + SEEN_MARK] !== mark
    ) {
      seenLines[seen] = lineLo;
      seenLines[seen + SEEN_HI] = lineHi;
      seenLines[seen + SEEN_MARK] = mark;
      touch(state, lineLo, lineHi, window, isUser);
    }
    const into = lo & lineMask;
    if (into + size[i] > lineBytes)
      touchNext(state, lineLo, lineHi, into + size[i], window, isUser);
  }
  state.userAccesses += userAccesses;
}

/** The lines that an access goes on into; `reach`: its last byte's distance from the first line, plus 1. */
function touchNext(
  state: FootprintState,
  lineLo: number,
  lineHi: number,
  reach: number,
  window: number,
  isUser: number,
): void {
  const last = (reach - 1) >> state.parameters.lineShift;
  for (let next = 1; next <= last; next++) {
    const lo = (lineLo + next) | 0;
    const hi = lineLo < 0 && lo >= 0 ? lineHi + 1 : lineHi;
    touch(state, lo, hi & (0xffff_ffff >>> state.parameters.lineShift), window, isUser);
  }
}

function touch(
  state: FootprintState,
  lineLo: number,
  lineHi: number,
  window: number,
  isUser: number,
): void {
  const { groupShift, words } = state;
  const groupLo = (lineLo >>> groupShift) | upperBits(lineHi, groupShift);
  const groupHi = lineHi >>> groupShift;
  if (state.sampleShift > 0 && !isSampled(state, groupLo, groupHi)) return;
  const row = rowOfUnit(state.groups, groupLo, groupHi);
  makeRoom(state);
  const word = (2 * (row * words + (window >> 5)) + isUser) << groupShift;
  state.bits[word + (lineLo & ((1 << groupShift) - 1))] |= 1 << (window & 31);
  if (state.groups.rowCount > state.groupLimit) thinOut(state);
}

/** What a shift to the right by so many bits, 0 to 31, brings from the high half into the low one. */
function upperBits(hi: number, by: number): number {
  return (hi << 1) << (31 - by);
}

function makeRoom(state: FootprintState): void {
  const needed = (2 * state.words * state.groups.unitLo.length) << state.groupShift;
  if (state.bits.length === needed) return;
  const { bits } = state;
  state.bits = new Uint32Array(needed);
  state.bits.set(bits);
}

function isSampled(
  { sampleShift, groups, parameters: { pageShift } }: FootprintState,
  groupLo: number,
  groupHi: number,
): boolean {
  const by = pageShift - groups.shift;
  const pageLo = (groupLo >>> by) | upperBits(groupHi, by);
  return (hashUnit(pageLo, groupHi >>> by) & (2 ** sampleShift - 1)) === 0;
}

function thinOut(state: FootprintState): void {
  while (state.groups.rowCount > state.groupLimit && state.sampleShift < 30) {
    sample(state, state.sampleShift + 1);
  }
}

/** Keeps the groups of one page in 2^sampleShift. */
function sample(state: FootprintState, sampleShift: number): void {
  state.sampleShift = sampleShift;
  const { groups, bits } = state;
  const { table, rows } = filterUnits(groups, (row) =>
    isSampled(state, groups.unitLo[row], groups.unitHi[row]),
  );
  state.groups = table;
  const rowWords = wordsOfGroup(state);
  state.bits = new Uint32Array(rowWords * table.unitLo.length);
  rows.forEach((row, old) => {
    if (row < 0) return;
    state.bits.set(bits.subarray(old * rowWords, (old + 1) * rowWords), row * rowWords);
  });
}

function wordsOfGroup({ words, groupShift }: FootprintState): number {
  return (2 * words) << groupShift;
}

function mergeFootprint(a: FootprintState, b: FootprintState): FootprintState {
  const sampleShift = Math.max(a.sampleShift, b.sampleShift);
  const rowWords = wordsOfGroup(a);
  for (const one of [a, b]) if (one.sampleShift < sampleShift) sample(one, sampleShift);
  const { bits: from } = b;
  for (let row = 0; row < b.groups.rowCount; row++) {
    const groupLo = b.groups.unitLo[row];
    const groupHi = b.groups.unitHi[row];
    if (!isSampled(a, groupLo, groupHi)) continue;
    const mine = rowOfUnit(a.groups, groupLo, groupHi);
    makeRoom(a);
    joinBits(a.bits, mine * rowWords, from, row * rowWords, rowWords);
    // At once: both together may be twice what memory is for.
    if (a.groups.rowCount > a.groupLimit) thinOut(a);
  }
  a.accesses += b.accesses;
  a.userAccesses += b.userAccesses;
  return a;
}

function joinBits(
  bits: Uint32Array,
  at: number,
  from: Uint32Array,
  begin: number,
  words: number,
): void {
  for (let word = 0; word < words; word++) {
    const more = from[begin + word];
    if (more !== 0) bits[at + word] |= more;
  }
}

function finishFootprint(state: FootprintState): FootprintResult {
  const { parameters, groups, groupShift, bits, words, sampleShift } = state;
  const { windows, lineShift, pageShift } = parameters;
  const tally = createTally(windows.windowCount);
  // Of a page the bits of all its lines.
  const pages = coarsenUnits(groups, pageShift);
  const pageBits = new Uint32Array(2 * words * pages.table.rowCount);
  const rowWords = wordsOfGroup(state);
  for (let row = 0; row < groups.rowCount; row++) {
    const from = row * rowWords;
    const into = pages.rows[row] * 2 * words;
    for (let line = 0; line < 1 << groupShift; line++) {
      tally.add('lines', bits, from + line, words, groupShift);
    }
    for (let word = 0; word < rowWords; word++) {
      pageBits[into + (word >> groupShift)] |= bits[from + word];
    }
  }
  for (let page = 0; page < pages.table.rowCount; page++) {
    tally.add('pages', pageBits, page * 2 * words, words, 0);
  }
  const scale = 2 ** sampleShift;
  return {
    accesses: state.accesses,
    userAccesses: state.userAccesses,
    lineBytes: 2 ** lineShift,
    pageBytes: 2 ** pageShift,
    sampledOneIn: scale,
    total: tally.part(windows.windowCount, scale),
    windows: Array.from({ length: windows.windowCount }, (_, window) => ({
      begin: beginOfWindow(windows, window),
      instructions: windows.windowInstructions,
      ...tally.part(window, scale),
    })),
  };
}
