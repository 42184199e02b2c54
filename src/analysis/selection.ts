// SPDX-License-Identifier: Apache-2.0
// Which accesses and block executions of a trace an analysis gets: ranges, vCPU, privilege, address space,
// addresses, code. A selection is plain data; a selector applies one to stretch after stretch.

import { bigintFromU64, halves } from '../base/index.ts';
import {
  AccessFlag,
  type ChunkInfo,
  type ColumnName,
  icountRanges,
  type MappingColumns,
  type SliceNoteName,
} from '../format/index.ts';
import {
  type AccessColumns,
  type PlacedNote,
  type RunColumns,
  type RunPart,
  requireColumn,
} from './access-columns.ts';
import type { TraceShape } from './analysis.ts';
import { createGatherer } from './gather.ts';

/** What is left out is not restricted. */
export interface Selection {
  /** Ordinals within each stream, half open; aborted accesses count. */
  readonly ordinals?: Span | undefined;
  /** Of the vCPU that made the access, half open. */
  readonly icounts?: Span | undefined;
  readonly vcpu?: number | undefined;
  /** 0 to 3. */
  readonly cpl?: number | undefined;
  readonly addressSpace?: SelectedSpace | undefined;
  /** Accesses that touch a byte from begin to last, as halves. Block executions are not selected by it. */
  readonly addresses?: AddressSpan | undefined;
  /** The same of guest-physical addresses, for those that the trace knows; needs its capability paddr. */
  readonly physical?: AddressSpan | undefined;
  /**
   * 1 for each instruction that is wanted, by its number: TraceShape.insnBase. A block execution is wanted
   * when its first instruction is.
   */
  readonly code?: Uint8Array | undefined;
}

/** An address space by its page table. */
export interface SelectedSpace {
  /** CR3 without what is not an address (bits 0 to 11, and 52 to 63), as halves. */
  readonly lo: number;
  readonly hi: number;
  /** The table's page and its neighbour (CR3 bit 12) are one address space: the kernel isolates its page tables. */
  readonly isPair?: boolean;
}

export interface Span {
  readonly begin: number;
  readonly end: number;
}

export interface AddressSpan {
  readonly beginLo: number;
  readonly beginHi: number;
  readonly lastLo: number;
  readonly lastHi: number;
}

/** Of CR3's high half, what is an address (Intel SDM 3A 4.5: MAXPHYADDR is at most 52). */
const CR3_HI_MASK = 0xf_ffff;
const CR3_LO_MASK = 0xffff_f000;
const PAIR_LO_MASK = 0xffff_e000;

/** Columns that the selector reads. */
export function selectionColumns(selection: Selection): readonly ColumnName[] {
  const { icounts, vcpu, cpl, addressSpace, addresses, physical, code } = selection;
  return [
    'flags',
    ...(icounts === undefined ? [] : (['icount'] as const)),
    ...(vcpu === undefined ? [] : (['vcpu'] as const)),
    ...(cpl === undefined ? [] : (['cpl'] as const)),
    ...(addressSpace === undefined ? [] : (['cr3'] as const)),
    ...(addresses === undefined ? [] : (['vaddr', 'size'] as const)),
    ...(physical === undefined ? [] : (['paddr', 'vaddr', 'size'] as const)),
    ...(code === undefined ? [] : (['block', 'insn'] as const)),
  ];
}

/** Notes that it needs to place block executions in address spaces. */
export function selectionNotes(selection: Selection): readonly SliceNoteName[] {
  return selection.addressSpace === undefined ? [] : ['cr3'];
}

/** False when nothing of the chunk can be wanted. `next`: the following chunk of the same stream. */
export function chunkMayMatch(
  selection: Selection,
  chunk: ChunkInfo,
  next: ChunkInfo | undefined,
  withRuns: boolean,
): boolean {
  const { ordinals, icounts, cpl, addresses } = selection;
  if (ordinals !== undefined) {
    const end = chunk.firstOrdinal + chunk.accessCount;
    if (chunk.firstOrdinal >= ordinals.end || end < ordinals.begin) return false;
    if (end === ordinals.begin && !withRuns) return false;
  }
  if (icounts !== undefined && !icountsMayMatch(icounts, selection.vcpu, chunk, next)) {
    return false;
  }
  if (withRuns) return true;
  if (cpl === 3 && chunk.userAccesses === 0) return false;
  if (addresses === undefined) return true;
  const begin = bigintFromU64(addresses.beginLo, addresses.beginHi);
  return (
    chunk.lowestVaddr <= bigintFromU64(addresses.lastLo, addresses.lastHi) &&
    chunk.highestVaddr >= begin
  );
}

function icountsMayMatch(
  { begin, end }: Span,
  wanted: number | undefined,
  chunk: ChunkInfo,
  next: ChunkInfo | undefined,
): boolean {
  return icountRanges(chunk, next).some(
    ({ vcpu, first, last }) =>
      (wanted === undefined || vcpu === undefined || vcpu === wanted) &&
      first < end &&
      last >= begin,
  );
}

export interface Selector {
  /** To be told at the beginning of each chunk. */
  beginChunk(chunk: ChunkInfo): void;
  /** What is wanted of a stretch; overwritten by the next call. */
  select(batch: AccessColumns): AccessColumns;
}

/** `withAborted`: aborted accesses are wanted too. */
export function createSelector(
  selection: Selection,
  trace: Pick<TraceShape, 'insnBase' | 'blockCpl'>,
  withAborted = false,
): Selector {
  const gatherer = createGatherer();
  const runFilter = createRunFilter(selection, trace);
  let chosen = new Uint32Array(0);
  let mayAbort = !withAborted;
  const { ordinals, ...others } = selection;
  const restricts = Object.values(others).some((criterion) => criterion !== undefined);
  const isWhole = (batch: AccessColumns): boolean => {
    const first = batch.firstOrdinal ?? 0;
    // A block execution without accesses may stand behind the last one.
    const end = first + batch.length + (batch.runs === undefined ? 0 : 1);
    return (
      !restricts &&
      first >= (ordinals?.begin ?? 0) &&
      end <= (ordinals?.end ?? Infinity) &&
      !(mayAbort && hasAborted(batch))
    );
  };
  return {
    beginChunk(chunk) {
      mayAbort = !withAborted && chunk.aborted > 0;
      runFilter.beginChunk(chunk);
    },
    select(batch) {
      if (isWhole(batch)) return batch;
      if (chosen.length < batch.length) chosen = new Uint32Array(batch.length);
      const count = chooseRows(selection, trace, batch, withAborted, chosen);
      const left = batch.runs === undefined ? batch : runFilter.filter(batch, batch.runs);
      if (count === batch.length) return left;
      return gatherer.gather(left, chosen.subarray(0, count), left.runs);
    },
  };
}

function hasAborted(batch: AccessColumns): boolean {
  const flags = requireColumn(batch.flags, 'flags');
  return (joinFlags(flags, batch.length) & AccessFlag.aborted) !== 0;
}

/**
 * By itself: V8 compiles a loop while it runs for the first time, and what stands behind it, of which nothing is known then, would
 * be left to the interpreter ever after.
 */
function joinFlags(flags: Uint8Array, length: number): number {
  let all = 0;
  for (let i = 0; i < length; i++) all |= flags[i];
  return all;
}

/**
 * Writes the rows of the batch that are wanted to `chosen`, ascending, and gives their number. The batch has
 * selectionColumns(); `chosen` is as long as the batch or longer. One tight loop for each criterion.
 */
export function chooseRows(
  selection: Selection,
  trace: Pick<TraceShape, 'insnBase'>,
  batch: AccessColumns,
  withAborted: boolean,
  chosen: Uint32Array,
): number {
  const { ordinals, icounts, vcpu, cpl, addressSpace, addresses, physical, code } = selection;
  const first = batch.firstOrdinal ?? 0;
  const begin = Math.min(batch.length, Math.max(0, (ordinals?.begin ?? 0) - first));
  const end = Math.max(begin, Math.min(batch.length, (ordinals?.end ?? Infinity) - first));
  let count = withAborted
    ? chooseAll(begin, end, chosen)
    : chooseCompleted(requireColumn(batch.flags, 'flags'), begin, end, chosen);
  if (vcpu !== undefined) {
    const column = requireColumn(batch.vcpu, 'vcpu');
    count = keepVcpu(column, vcpu, chosen, count);
  }
  if (cpl !== undefined) count = keepCpl(requireColumn(batch.cpl, 'cpl'), cpl, chosen, count);
  if (icounts !== undefined) {
    count = keepIcounts(halves(requireColumn(batch.icount, 'icount')), icounts, chosen, count);
  }
  if (addressSpace !== undefined) {
    count = keepSpace(halves(requireColumn(batch.cr3, 'cr3')), addressSpace, chosen, count);
  }
  if (addresses !== undefined) count = keepAddresses(batch, addresses, chosen, count);
  if (physical !== undefined) count = keepPhysical(batch, physical, chosen, count);
  if (code !== undefined) count = keepCode(batch, trace.insnBase, code, chosen, count);
  return count;
}

function chooseAll(begin: number, end: number, chosen: Uint32Array): number {
  for (let i = begin; i < end; i++) chosen[i - begin] = i;
  return end - begin;
}

function chooseCompleted(
  flags: Uint8Array,
  begin: number,
  end: number,
  chosen: Uint32Array,
): number {
  let count = 0;
  for (let i = begin; i < end; i++) {
    chosen[count] = i;
    count += ((flags[i] & AccessFlag.aborted) >> 1) ^ 1;
  }
  return count;
}

// Each keeps, of the first `count` rows in `chosen`, those that match; without branches, since what is kept
// is as hard to predict as the guest.

function keepVcpu(column: Uint16Array, vcpu: number, chosen: Uint32Array, count: number): number {
  let kept = 0;
  for (let k = 0; k < count; k++) {
    const i = chosen[k];
    chosen[kept] = i;
    kept += column[i] === vcpu ? 1 : 0;
  }
  return kept;
}

function keepCpl(column: Uint8Array, cpl: number, chosen: Uint32Array, count: number): number {
  let kept = 0;
  for (let k = 0; k < count; k++) {
    const i = chosen[k];
    chosen[kept] = i;
    kept += column[i] === cpl ? 1 : 0;
  }
  return kept;
}

function keepIcounts(
  words: Uint32Array,
  { begin, end }: Span,
  chosen: Uint32Array,
  count: number,
): number {
  let kept = 0;
  for (let k = 0; k < count; k++) {
    const i = chosen[k];
    const icount = words[2 * i + 1] * 2 ** 32 + words[2 * i];
    chosen[kept] = i;
    kept += icount >= begin && icount < end ? 1 : 0;
  }
  return kept;
}

function keepSpace(
  words: Uint32Array,
  { lo, hi, isPair = false }: SelectedSpace,
  chosen: Uint32Array,
  count: number,
): number {
  const mask = isPair ? PAIR_LO_MASK : CR3_LO_MASK;
  let kept = 0;
  for (let k = 0; k < count; k++) {
    const i = chosen[k];
    const differs = ((words[2 * i] ^ lo) & mask) | ((words[2 * i + 1] ^ hi) & CR3_HI_MASK);
    chosen[kept] = i;
    kept += differs === 0 ? 1 : 0;
  }
  return kept;
}

function keepAddresses(
  batch: AccessColumns,
  { beginLo, beginHi, lastLo, lastHi }: AddressSpan,
  chosen: Uint32Array,
  count: number,
): number {
  const words = halves(requireColumn(batch.vaddr, 'vaddr'));
  const size = requireColumn(batch.size, 'size');
  const flags = requireColumn(batch.flags, 'flags');
  let kept = 0;
  for (let k = 0; k < count; k++) {
    const i = chosen[k];
    const lo = words[2 * i];
    const hi = words[2 * i + 1];
    // Distances to begin and last: exact where they are small, and only their size against `size` and 0 counts.
    const below = (beginHi - hi) * 2 ** 32 + (beginLo - lo);
    const above = (hi - lastHi) * 2 ** 32 + (lo - lastLo);
    chosen[kept] = i;
    kept += below < size[i] && above <= 0 && (flags[i] & AccessFlag.physicalOnly) === 0 ? 1 : 0;
  }
  return kept;
}

const PAGE_BYTES = 4096;

/** An access over a page boundary has two parts, each in a page of its own. */
function keepPhysical(
  batch: AccessColumns,
  { beginLo, beginHi, lastLo, lastHi }: AddressSpan,
  chosen: Uint32Array,
  count: number,
): number {
  const words = halves(requireColumn(batch.paddr, 'paddr'));
  const virtual = halves(requireColumn(batch.vaddr, 'vaddr'));
  const size = requireColumn(batch.size, 'size');
  const crossings = requireColumn(batch.crossings, 'crossings');
  const seconds = halves(crossings.paddr);
  const touches = (lo: number, hi: number, bytes: number): boolean => {
    if (hi === 0xffff_ffff) return false; // not known: physical addresses have 52 bits
    const below = (beginHi - hi) * 2 ** 32 + (beginLo - lo);
    const above = (hi - lastHi) * 2 ** 32 + (lo - lastLo);
    return below < bytes && above <= 0;
  };
  let at = 0;
  let kept = 0;
  for (let k = 0; k < count; k++) {
    const i = chosen[k];
    while (at < crossings.index.length && crossings.index[at] < i) at++;
    const lo = words[2 * i];
    const hi = words[2 * i + 1];
    let isWanted = false;
    if (crossings.index[at] === i) {
      const firstBytes = PAGE_BYTES - (virtual[2 * i] % PAGE_BYTES);
      const secondBytes = size[i] - firstBytes;
      isWanted =
        touches(lo, hi, firstBytes) || touches(seconds[2 * at], seconds[2 * at + 1], secondBytes);
    } else isWanted = touches(lo, hi, size[i]);
    chosen[kept] = i;
    kept += isWanted ? 1 : 0;
  }
  return kept;
}

function keepCode(
  batch: AccessColumns,
  insnBase: Uint32Array,
  code: Uint8Array,
  chosen: Uint32Array,
  count: number,
): number {
  const block = requireColumn(batch.block, 'block');
  const insn = requireColumn(batch.insn, 'insn');
  let kept = 0;
  for (let k = 0; k < count; k++) {
    const i = chosen[k];
    chosen[kept] = i;
    kept += code[insnBase[block[i]] + insn[i]];
  }
  return kept;
}

/** Whether CR3 names the address space. */
export function isOfSpace({ lo, hi, isPair = false }: SelectedSpace, cr3: bigint): boolean {
  const mask = isPair ? PAIR_LO_MASK : CR3_LO_MASK;
  const cr3Lo = Number(cr3 & 0xffff_ffffn);
  const cr3Hi = Number(cr3 >> 32n);
  return (((cr3Lo ^ lo) & mask) | ((cr3Hi ^ hi) & CR3_HI_MASK)) === 0;
}

interface RunFilter {
  beginChunk(chunk: ChunkInfo): void;
  /** The stretch with the block executions that are wanted; its notes stand before the same ones of them. */
  filter(batch: AccessColumns, runs: RunColumns): AccessColumns;
}

function createRunFilter(
  selection: Selection,
  trace: Pick<TraceShape, 'insnBase' | 'blockCpl'>,
): RunFilter {
  const { ordinals, icounts, vcpu, cpl, addressSpace, code } = selection;
  const cr3Of = new Map<number, bigint>();
  const isSpace = (one: number): boolean => {
    if (addressSpace === undefined) return true;
    return isOfSpace(addressSpace, cr3Of.get(one) ?? 0n);
  };
  const restricts = [ordinals, icounts, vcpu, cpl, addressSpace, code].some(
    (criterion) => criterion !== undefined,
  );
  return {
    beginChunk(chunk) {
      cr3Of.clear();
      for (const state of chunk.vcpuStates) cr3Of.set(state.vcpu, state.cr3);
    },
    filter(batch, runs) {
      if (!restricts) return batch;
      const icount = halves(runs.icount);
      const first = batch.firstOrdinal ?? 0;
      const notes = (batch.notes ?? []).filter((note) => note.kind === 'cr3');
      const chosen = new Uint32Array(runs.length);
      const runParts: RunPart[] = [];
      let count = 0;
      let noteAt = 0;
      let spaceVcpu = -1;
      let inSpace = true;
      const applyNotes = (upTo: number): void => {
        for (; noteAt < notes.length && notes[noteAt].runIndex <= upTo; noteAt++) {
          const note = notes[noteAt];
          cr3Of.set(note.vcpu, note.cr3);
          spaceVcpu = -1;
        }
      };
      for (let i = 0; i < runs.length; i++) {
        applyNotes(i);
        if (spaceVcpu !== runs.vcpu[i]) {
          spaceVcpu = runs.vcpu[i];
          inSpace = isSpace(spaceVcpu);
        }
        if (!inSpace || (vcpu !== undefined && runs.vcpu[i] !== vcpu)) continue;
        const block = runs.block[i];
        if (cpl !== undefined && trace.blockCpl[block] !== cpl) continue;
        if (code !== undefined && code[trace.insnBase[block]] === 0) continue;
        const ordinal = first + runs.firstAccess[i];
        if (ordinals !== undefined && (ordinal < ordinals.begin || ordinal >= ordinals.end))
          continue;
        const at = icount[2 * i + 1] * 2 ** 32 + icount[2 * i];
        if (icounts !== undefined) {
          const part = partOfRun(icounts, at, block, runs.executed[i]);
          if (part !== undefined) runParts.push(part);
          if (at < icounts.begin || at >= icounts.end) continue;
        }
        chosen[count++] = i;
      }
      applyNotes(Number.POSITIVE_INFINITY);
      const parts = runParts.length === 0 ? {} : { runParts };
      if (count === runs.length) return { ...batch, ...parts };
      const rows = chosen.subarray(0, count);
      const left: RunColumns = {
        length: count,
        firstBlock: runs.firstBlock + (rows[0] ?? 0),
        block: rows.map((i) => runs.block[i]),
        executed: Uint16Array.from(rows, (i) => runs.executed[i]),
        vcpu: Uint16Array.from(rows, (i) => runs.vcpu[i]),
        icount: takeWide(runs.icount, rows),
        firstAccess: rows.map((i) => runs.firstAccess[i]),
        continues: Uint8Array.from(rows, (i) => runs.continues[i]),
        // Accesses of executions that are left out may be wanted: those that are left do not tell of all.
        shape: new Uint32Array(count),
      };
      const { notes: placed, mappings } = batch;
      return {
        ...batch,
        ...parts,
        runs: left,
        ...(placed === undefined ? {} : { notes: placeBefore(placed, rows) }),
        ...(mappings === undefined ? {} : { mappings: placeMappingsBefore(mappings, rows) }),
      };
    },
  };
}

/** Of an execution that begins at icount `at`: what is inside though it begins before, or outside though inside. */
function partOfRun(
  { begin, end }: Span,
  at: number,
  block: number,
  executed: number,
): RunPart | undefined {
  const behind = at + executed;
  if (at < begin) {
    if (behind <= begin || begin >= end) return undefined;
    return { block, begin: begin - at, end: Math.min(behind, end) - at, times: 1 };
  }
  return at < end && behind > end
    ? { block, begin: end - at, end: executed, times: -1 }
    : undefined;
}

/** Notes before the same block executions, of which these rows are left. */
function placeBefore(notes: readonly PlacedNote[], rows: Uint32Array): readonly PlacedNote[] {
  let at = 0;
  return notes.map((note) => {
    while (at < rows.length && rows[at] < note.runIndex) at++;
    return { ...note, runIndex: at };
  });
}

function placeMappingsBefore(mappings: MappingColumns, rows: Uint32Array): MappingColumns {
  let at = 0;
  const runIndex = mappings.runIndex.map((run) => {
    while (at < rows.length && rows[at] < run) at++;
    return at;
  });
  return { ...mappings, runIndex };
}

function takeWide(column: BigUint64Array, rows: Uint32Array): BigUint64Array {
  const taken = new BigUint64Array(rows.length);
  const source = halves(column);
  const target = halves(taken);
  for (let k = 0; k < rows.length; k++) {
    target[2 * k] = source[2 * rows[k]];
    target[2 * k + 1] = source[2 * rows[k] + 1];
  }
  return taken;
}
