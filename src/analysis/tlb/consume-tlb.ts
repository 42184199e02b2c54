// SPDX-License-Identifier: Apache-2.0
// Feeds a stretch of a trace to the TLBs: data accesses, the fetches of the instructions between them, and what
// the trace tells of translations and address spaces. An access or instruction is looked up in each page that
// it has a byte in.

import { halves } from '../../base/index.ts';
import { AccessFlag, type MappingColumns } from '../../format/index.ts';
import { type AccessColumns, type PlacedNote, requireColumn } from '../access-columns.ts';
import {
  findAround,
  findOwn,
  isGlobalPage,
  PAGING_OFF,
  type PageKind,
  SMALL_PAGE_SHIFT,
  sizeOf,
  takeMappings,
  UNKNOWN_SIZE,
} from './page-sizes.ts';
import { findPaging, PAGING_IS_OFF, PAGING_IS_ON } from './paging.ts';
import { flushEntries, type TlbArray, touchEntry } from './tlb-array.ts';
import {
  ASSUMED_SIZES,
  type CodePages,
  DATA,
  DATA_MISSES,
  FETCH_MISSES,
  FETCHES,
  FLUSHES,
  INSTRUCTIONS,
  isOfShard,
  numberOfSpace,
  PHYSICAL,
  requireTlbs,
  type TlbState,
  UNKNOWN_SIZES,
  UNTRANSLATED,
  type VcpuTlbs,
} from './tlb-state.ts';
import { lowOf, tagOf, translateSlowly } from './translate.ts';

const PAGE_BYTES = 4096;
/** Behind all accesses and block executions of a stretch. */
const NEVER = 2 ** 31 - 1;
const NO_RUNS = new Uint32Array(0);
const NO_MAPPINGS: MappingColumns = {
  length: 0,
  kind: new Uint8Array(0),
  index: new Uint32Array(0),
  runIndex: new Uint32Array(0),
  vpage: new BigUint64Array(0),
  ppage: new BigUint64Array(0),
  attributes: new Uint16Array(0),
};

export function consumeTlb(state: TlbState, batch: AccessColumns): void {
  const { notes = [], mappings = NO_MAPPINGS } = batch;
  const { sizes, fetches, blockPaging } = state;
  const runs = fetches === undefined ? undefined : requireColumn(batch.runs, 'runs');
  const runCount = runs?.length ?? 0;
  const runsAt = runs?.firstAccess ?? NO_RUNS;
  const address = halves(requireColumn(batch.vaddr, 'vaddr'));
  const size = requireColumn(batch.size, 'size');
  const flags = requireColumn(batch.flags, 'flags');
  const vcpu = requireColumn(batch.vcpu, 'vcpu');
  const block = requireColumn(batch.block, 'block');
  let tlbs: VcpuTlbs | undefined;
  let tlbsVcpu = -1;
  const told = { state, notes, mappings, pages: halves(mappings.vpage), note: 0, mapping: 0 };
  /** Access and block execution that the next of them stands before. */
  let toldAt = nextIndex(told);
  let toldRun = nextRunIndex(told);
  let i = 0;
  for (let run = 0; run <= runCount; run++) {
    const end = run < runCount ? Math.min(batch.length, runsAt[run]) : batch.length;
    for (; i < end; i++) {
      if (toldAt <= i) {
        takeTold(told, i, -1);
        toldAt = nextIndex(told);
        toldRun = nextRunIndex(told);
      }
      const flag = flags[i];
      if ((flag & AccessFlag.aborted) !== 0) continue;
      if (tlbs === undefined || vcpu[i] !== tlbsVcpu) {
        tlbsVcpu = vcpu[i];
        tlbs = requireTlbs(state, tlbsVcpu);
      }
      if ((flag & AccessFlag.physicalOnly) !== 0) {
        tlbs.counts[PHYSICAL]++;
        continue;
      }
      const lo = address[2 * i] | 0;
      const hi = address[2 * i + 1] | 0;
      const inPage = lo & (PAGE_BYTES - 1);
      if (
        lo - inPage === tlbs.dataLo &&
        hi === tlbs.dataHi &&
        tlbs.dataVersion === sizes.version &&
        tlbs.dataPaging === blockPaging[block[i]]
      ) {
        tlbs.counts[DATA]++;
      } else {
        lookUpData(state, tlbs, lo, hi, block[i], flag, false);
      }
      if (inPage + size[i] > PAGE_BYTES) {
        const nextLo = (lo - inPage + PAGE_BYTES) | 0;
        const nextHi = nextLo === 0 ? (hi + 1) | 0 : hi;
        lookUpData(state, tlbs, nextLo, nextHi, block[i], flag, true);
      }
    }
    if (fetches === undefined || runs === undefined || run === runCount) break;
    if (toldRun <= run) {
      takeTold(told, -1, run);
      toldAt = nextIndex(told);
      toldRun = nextRunIndex(told);
    }
    if (tlbs === undefined || runs.vcpu[run] !== tlbsVcpu) {
      if (!isOfShard(state, runs.vcpu[run])) continue;
      tlbsVcpu = runs.vcpu[run];
      tlbs = requireTlbs(state, tlbsVcpu);
    }
    fetchRun(state, fetches, tlbs, runs.block[run], runs.executed[run], runs.continues[run]);
  }
  takeTold(told, NEVER, NEVER);
}

function lookUpData(
  state: TlbState,
  tlbs: VcpuTlbs,
  lo: number,
  hi: number,
  block: number,
  flag: number,
  isSecondPart: boolean,
): void {
  const { counts } = tlbs;
  const looked = counts[DATA];
  const unknown = counts[UNKNOWN_SIZES] + counts[ASSUMED_SIZES];
  // Of the page of an access to RAM something was told, if ever, for this access; a device's is not told of.
  const isTold = (flag & AccessFlag.device) === 0;
  lookUp(state, tlbs, tlbs.l1d, lo, hi, block, DATA, 1, isSecondPart, isTold);
  const isPlain =
    counts[DATA] !== looked && counts[UNKNOWN_SIZES] + counts[ASSUMED_SIZES] === unknown;
  tlbs.dataLo = lo & -PAGE_BYTES;
  tlbs.dataHi = hi;
  tlbs.dataVersion = isPlain ? state.sizes.version : -1;
  tlbs.dataPaging = state.blockPaging[block];
}

/** Notes and mappings of a stretch, and which of them come next. */
interface Told {
  readonly state: TlbState;
  readonly notes: readonly PlacedNote[];
  readonly mappings: MappingColumns;
  /** Halves of their virtual pages. */
  readonly pages: Uint32Array;
  note: number;
  mapping: number;
}

function nextIndex({ notes, mappings, note, mapping }: Told): number {
  const noteAt = note < notes.length ? notes[note].index : NEVER;
  return mapping < mappings.length ? Math.min(noteAt, mappings.index[mapping]) : noteAt;
}

function nextRunIndex({ notes, mappings, note, mapping }: Told): number {
  const noteAt = note < notes.length ? notes[note].runIndex : NEVER;
  return mapping < mappings.length ? Math.min(noteAt, mappings.runIndex[mapping]) : noteAt;
}

/** Takes what stands before that access or that block execution; -1: not for its sake. */
function takeTold(told: Told, access: number, run: number): void {
  const { state, notes, mappings, pages } = told;
  for (; told.note < notes.length; told.note++) {
    const note = notes[told.note];
    if (note.index > access && note.runIndex > run) break;
    if (note.kind === 'cr3') switchSpace(state, note.vcpu, note.cr3);
  }
  told.mapping = takeMappings(state.sizes, mappings, pages, told.mapping, access, run);
}

function switchSpace(state: TlbState, vcpu: number, cr3: bigint): void {
  if (!isOfShard(state, vcpu)) return;
  const tlbs = requireTlbs(state, vcpu);
  tlbs.fetchVersion = -1;
  tlbs.dataVersion = -1;
  if (state.parameters.spaces === 'tagged') {
    tlbs.space = numberOfSpace(state, cr3);
    return;
  }
  if (tlbs.counts[FETCHES] + tlbs.counts[DATA] > 0) tlbs.openFlushes++;
  for (const tlb of [tlbs.l1i, tlbs.l1d, tlbs.l2, tlbs.pml4e, tlbs.pdpte, tlbs.pde]) {
    if (tlb !== undefined) flushEntries(tlb);
  }
}

/** The fetches of a block execution, page by page; `goesOn`: 1 when its first instruction goes on from the one before. */
function fetchRun(
  state: TlbState,
  fetches: CodePages,
  tlbs: VcpuTlbs,
  block: number,
  executed: number,
  goesOn: number,
): void {
  const { counts } = tlbs;
  counts[INSTRUCTIONS] += executed - goesOn;
  const says = state.blockPaging[block];
  const end = fetches.firstTouch[block + 1];
  for (let touch = fetches.firstTouch[block]; touch < end; touch++) {
    const insn = fetches.insn[touch];
    if (insn >= executed) break;
    const lo = fetches.addressLo[touch];
    const hi = fetches.addressHi[touch];
    // A rep instruction that goes on was fetched by the execution before.
    const again = insn === 0 ? goesOn : 0;
    const count = Math.min(fetches.fetches[touch], executed - insn) - again;
    if (count === 0) continue;
    if (
      lo === tlbs.fetchLo &&
      hi === tlbs.fetchHi &&
      tlbs.fetchVersion === state.sizes.version &&
      tlbs.fetchPaging === says
    ) {
      counts[FETCHES] += count;
      if (tlbs.fetchPlace !== FETCHES) counts[tlbs.fetchPlace] += count;
    } else {
      const isSecondPart = again === 0 && fetches.isSecondPart[touch] !== 0;
      fetchPage(state, tlbs, lo, hi, block, count, isSecondPart);
    }
  }
}

function fetchPage(
  state: TlbState,
  tlbs: VcpuTlbs,
  lo: number,
  hi: number,
  block: number,
  count: number,
  isSecondPart: boolean,
): void {
  const { counts } = tlbs;
  const assumed = counts[ASSUMED_SIZES];
  const unknown = counts[UNKNOWN_SIZES];
  const looked = counts[FETCHES];
  lookUp(state, tlbs, tlbs.l1i, lo, hi, block, FETCHES, count, isSecondPart, false);
  tlbs.fetchLo = lo;
  tlbs.fetchHi = hi;
  tlbs.fetchVersion = counts[FETCHES] !== looked ? state.sizes.version : -1;
  tlbs.fetchPaging = state.blockPaging[block];
  tlbs.fetchPlace =
    counts[ASSUMED_SIZES] !== assumed
      ? ASSUMED_SIZES
      : counts[UNKNOWN_SIZES] !== unknown
        ? UNKNOWN_SIZES
        : FETCHES;
}

/**
 * `count` look-ups of one page, of which only the first may miss; kind: FETCHES or DATA. `isSecondPart`: the first is of
 * what crosses 4 KiB into this address, and is none when it began in the same page. `isTold`: what was told of the page
 * last was told for this access.
 */
function lookUp(
  state: TlbState,
  tlbs: VcpuTlbs,
  first: TlbArray,
  lo: number,
  hi: number,
  block: number,
  kind: typeof FETCHES | typeof DATA,
  count: number,
  isSecondPart: boolean,
  isTold: boolean,
): void {
  const { counts } = tlbs;
  const { parameters, sizes } = state;
  const pageLo = (lo >>> SMALL_PAGE_SHIFT) | (hi << (32 - SMALL_PAGE_SHIFT));
  const pageHi = hi >>> SMALL_PAGE_SHIFT;
  let page = findOwn(sizes, pageLo, pageHi);
  const paging = findPaging(tlbs, state.blockPaging[block], isTold ? page : UNKNOWN_SIZE);
  if (paging === PAGING_IS_OFF) {
    counts[UNTRANSLATED] += count;
    return;
  }
  page = kindWhen(paging, page);
  const isOwn = page !== UNKNOWN_SIZE;
  if (!isOwn) page = kindWhen(paging, findAround(sizes, pageLo, pageHi));
  if (page !== UNKNOWN_SIZE && sizeOf(page) === PAGING_OFF) {
    counts[UNTRANSLATED] += count;
    return;
  }
  const { pageBytes } = parameters;
  const isSizeKnown = page !== UNKNOWN_SIZE;
  const toldShift = isSizeKnown ? sizeOf(page) : SMALL_PAGE_SHIFT;
  const shift = pageBytes === undefined ? toldShift : Math.log2(pageBytes);
  const isSamePage = isSecondPart && (lo & (2 ** shift - 1)) !== 0;
  const lookups = isSamePage ? count - 1 : count;
  if (lookups === 0) return;
  let isGlobal = false;
  if (pageBytes === undefined) {
    if (!isSizeKnown) counts[UNKNOWN_SIZES] += lookups;
    else if (!isOwn) counts[ASSUMED_SIZES] += lookups;
    isGlobal = isSizeKnown && isGlobalPage(page);
  }
  counts[kind] += lookups;
  counts[FLUSHES] += tlbs.openFlushes;
  tlbs.openFlushes = 0;
  if (touchEntry(first, lowOf(lo, hi, shift), tagOf(hi, shift), tlbs.space)) return;
  counts[kind === DATA ? DATA_MISSES : FETCH_MISSES]++;
  const isLong = state.isLong[block] !== 0;
  if (translateSlowly(tlbs, first, lo, hi, shift, isGlobal, isLong)) state.blockWalks[block]++;
}

/** With paging on, what was told while it was off says nothing. */
function kindWhen(paging: number, page: PageKind): PageKind {
  return paging === PAGING_IS_ON && sizeOf(page) === PAGING_OFF ? UNKNOWN_SIZE : page;
}
