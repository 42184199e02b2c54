// SPDX-License-Identifier: Apache-2.0
// Feeds a stretch of a trace to the TLBs: data accesses, the fetches of the instructions between them, and what
// the trace tells of translations and address spaces. An access or instruction is looked up in each page that
// it has a byte in.

import { halves } from '../../base/index.ts';
import { AccessFlag, type MappingColumns } from '../../format/index.ts';
import {
  type AccessColumns,
  type PlacedNote,
  type RunColumns,
  requireColumn,
} from '../access-columns.ts';
import {
  findAround,
  findOwn,
  isGlobalPage,
  PAGING_OFF,
  SMALL_PAGE_SHIFT,
  sizeOf,
  takeMappings,
  UNKNOWN_SIZE,
} from './page-sizes.ts';
import { flushEntries, type TlbArray, touchEntry } from './tlb-array.ts';
import {
  ASSUMED_SIZES,
  DATA,
  DATA_MISSES,
  FETCH_MISSES,
  FETCHES,
  FLUSHES,
  INSTRUCTIONS,
  isOfShard,
  PHYSICAL,
  requireTlbs,
  type TlbState,
  UNKNOWN_SIZES,
  UNTRANSLATED,
  type VcpuTlbs,
} from './tlb-state.ts';
import { lowOf, tagOf, translateSlowly } from './translate.ts';

const PAGE_BYTES = 4096;
const NEVER = Number.POSITIVE_INFINITY;
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
/** CR3 without PCID and the bit that a write may have to keep translations (Intel SDM 3A 4.5). */
const CR3_BASE = 0x000f_ffff_ffff_f000n;

export function consumeTlb(state: TlbState, batch: AccessColumns): void {
  const { notes = [], mappings = NO_MAPPINGS } = batch;
  const mappedPages = halves(mappings.vpage);
  const { sizes } = state;
  const runs = state.fetches === undefined ? undefined : requireColumn(batch.runs, 'runs');
  const runCount = runs?.length ?? 0;
  const runsAt = runs?.firstAccess ?? NO_RUNS;
  const address = halves(requireColumn(batch.vaddr, 'vaddr'));
  const size = requireColumn(batch.size, 'size');
  const flags = requireColumn(batch.flags, 'flags');
  const vcpu = requireColumn(batch.vcpu, 'vcpu');
  const block = requireColumn(batch.block, 'block');
  let tlbs: VcpuTlbs | undefined;
  let tlbsVcpu = -1;
  let nextNote = 0;
  let nextMapping = 0;
  let nextRun = 0;
  for (let i = 0; i < batch.length; i++) {
    while (nextRun < runCount && runsAt[nextRun] <= i) {
      nextNote = takeNotes(state, notes, nextNote, -1, nextRun);
      nextMapping = takeMappings(sizes, mappings, mappedPages, nextMapping, -1, nextRun);
      fetchRun(state, runs, nextRun++);
    }
    if (nextNote < notes.length && notes[nextNote].index <= i) {
      nextNote = takeNotes(state, notes, nextNote, i, -1);
    }
    if (nextMapping < mappings.length && mappings.index[nextMapping] <= i) {
      nextMapping = takeMappings(sizes, mappings, mappedPages, nextMapping, i, -1);
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
      tlbs.dataVersion === sizes.version
    ) {
      tlbs.counts[DATA]++;
    } else {
      lookUpData(state, tlbs, lo, hi, block[i]);
    }
    if (inPage + size[i] > PAGE_BYTES) {
      const nextLo = (lo - inPage + PAGE_BYTES) | 0;
      const nextHi = nextLo === 0 ? (hi + 1) | 0 : hi;
      lookUpData(state, tlbs, nextLo, nextHi, block[i]);
    }
  }
  for (; nextRun < runCount; nextRun++) {
    nextNote = takeNotes(state, notes, nextNote, -1, nextRun);
    nextMapping = takeMappings(sizes, mappings, mappedPages, nextMapping, -1, nextRun);
    fetchRun(state, runs, nextRun);
  }
  takeNotes(state, notes, nextNote, NEVER, NEVER);
  takeMappings(sizes, mappings, mappedPages, nextMapping, NEVER, NEVER);
}

function lookUpData(state: TlbState, tlbs: VcpuTlbs, lo: number, hi: number, block: number): void {
  const { counts } = tlbs;
  const looked = counts[DATA];
  const unknown = counts[UNKNOWN_SIZES] + counts[ASSUMED_SIZES];
  lookUp(state, tlbs, tlbs.l1d, lo, hi, block, DATA, 1);
  const isPlain =
    counts[DATA] !== looked && counts[UNKNOWN_SIZES] + counts[ASSUMED_SIZES] === unknown;
  tlbs.dataLo = lo & -PAGE_BYTES;
  tlbs.dataHi = hi;
  tlbs.dataVersion = isPlain ? state.sizes.version : -1;
}

/** Takes the notes before that access or that block execution; -1: not for its sake. Returns the next one. */
function takeNotes(
  state: TlbState,
  notes: readonly PlacedNote[],
  first: number,
  access: number,
  run: number,
): number {
  let next = first;
  for (; next < notes.length; next++) {
    const note = notes[next];
    if (note.index > access && note.runIndex > run) break;
    if (note.kind === 'cr3') switchSpace(state, note.vcpu, note.cr3);
  }
  return next;
}

function switchSpace(state: TlbState, vcpu: number, cr3: bigint): void {
  if (!isOfShard(state, vcpu)) return;
  const tlbs = requireTlbs(state, vcpu);
  if (state.parameters.spaces === 'tagged') {
    const base = cr3 & CR3_BASE;
    let space = state.spaces.get(base);
    if (space === undefined) {
      space = state.spaces.size + 1;
      state.spaces.set(base, space);
    }
    tlbs.space = space;
    tlbs.fetchVersion = -1;
    tlbs.dataVersion = -1;
    return;
  }
  tlbs.fetchVersion = -1;
  tlbs.dataVersion = -1;
  tlbs.counts[FLUSHES]++;
  for (const tlb of [tlbs.l1i, tlbs.l1d, tlbs.l2, tlbs.pml4e, tlbs.pdpte, tlbs.pde]) {
    if (tlb !== undefined) flushEntries(tlb);
  }
}

/** The fetches of a block execution, page by page. */
function fetchRun(state: TlbState, runs: RunColumns | undefined, run: number): void {
  const { fetches } = state;
  if (fetches === undefined || runs === undefined || !isOfShard(state, runs.vcpu[run])) return;
  const block = runs.block[run];
  const executed = runs.executed[run];
  const tlbs = requireTlbs(state, runs.vcpu[run]);
  tlbs.counts[INSTRUCTIONS] += executed - runs.continues[run];
  const end = fetches.firstTouch[block + 1];
  for (let touch = fetches.firstTouch[block]; touch < end; touch++) {
    const insn = fetches.insn[touch];
    if (insn >= executed) break;
    const lo = fetches.addressLo[touch];
    const hi = fetches.addressHi[touch];
    // A rep instruction that goes on was fetched by the execution before.
    const again = insn === 0 ? runs.continues[run] : 0;
    const count = Math.min(fetches.fetches[touch], executed - insn) - again;
    if (count === 0) continue;
    const { counts } = tlbs;
    if (tlbs.fetchLo === lo && tlbs.fetchHi === hi && tlbs.fetchVersion === state.sizes.version) {
      counts[FETCHES] += count;
      if (tlbs.fetchPlace !== FETCHES) counts[tlbs.fetchPlace] += count;
      continue;
    }
    const assumed = counts[ASSUMED_SIZES];
    const unknown = counts[UNKNOWN_SIZES];
    const off = counts[UNTRANSLATED];
    lookUp(state, tlbs, tlbs.l1i, lo, hi, block, FETCHES, count);
    tlbs.fetchLo = lo;
    tlbs.fetchHi = hi;
    tlbs.fetchVersion = counts[UNTRANSLATED] === off ? state.sizes.version : -1;
    tlbs.fetchPlace =
      counts[ASSUMED_SIZES] !== assumed
        ? ASSUMED_SIZES
        : counts[UNKNOWN_SIZES] !== unknown
          ? UNKNOWN_SIZES
          : FETCHES;
  }
}

/** `count` look-ups of one page, of which only the first may miss; kind: FETCHES or DATA. */
function lookUp(
  state: TlbState,
  tlbs: VcpuTlbs,
  first: TlbArray,
  lo: number,
  hi: number,
  block: number,
  kind: typeof FETCHES | typeof DATA,
  count: number,
): void {
  const { counts } = tlbs;
  const { parameters, sizes } = state;
  let shift = SMALL_PAGE_SHIFT;
  let isGlobal = false;
  if (parameters.pageBytes === undefined) {
    const pageLo = (lo >>> SMALL_PAGE_SHIFT) | (hi << (32 - SMALL_PAGE_SHIFT));
    const pageHi = hi >>> SMALL_PAGE_SHIFT;
    let page = findOwn(sizes, pageLo, pageHi);
    if (page === UNKNOWN_SIZE) {
      page = findAround(sizes, pageLo, pageHi);
      counts[page === UNKNOWN_SIZE ? UNKNOWN_SIZES : ASSUMED_SIZES] += count;
    }
    if (page !== UNKNOWN_SIZE) {
      shift = sizeOf(page);
      isGlobal = isGlobalPage(page);
    }
    if (shift === PAGING_OFF) {
      counts[UNTRANSLATED] += count;
      return;
    }
  } else {
    shift = Math.log2(parameters.pageBytes);
  }
  counts[kind] += count;
  if (touchEntry(first, lowOf(lo, hi, shift), tagOf(hi, shift), tlbs.space)) return;
  counts[kind === DATA ? DATA_MISSES : FETCH_MISSES]++;
  const isLong = state.isLong[block] !== 0;
  if (translateSlowly(tlbs, first, lo, hi, shift, isGlobal, isLong)) state.blockWalks[block]++;
}
