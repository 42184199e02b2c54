// SPDX-License-Identifier: Apache-2.0
// Lines that several vCPUs touch. Each vCPU is thought to have a cache that loses a line only when another vCPU stores
// to it; coming back to a line that was lost is a coherence miss. It is one of true sharing when the access touches a
// byte that others stored meanwhile, else of false sharing: another layout would avoid it (Torrellas, Lam and
// Hennessy, 1994, without its cold and replacement misses). Lines are physical: address spaces do not mix.

import { halves, TraceError } from '../../base/index.ts';
import { AccessFlag } from '../../format/index.ts';
import { type AccessColumns, requireColumn } from '../access-columns.ts';
import type { Shard, ShardedAnalysis, TraceShape } from '../analysis.ts';
import { addressOfRow, createUnitTable, rowOfUnit, type UnitTable } from '../unit-table.ts';
import { type BytesOfLine, bytesOfLine } from './byte-mask.ts';

export interface SharingParameters {
  /** A power of two from 8 to 64. */
  readonly lineBytes: number;
  /** Lines in the result. */
  readonly reportTop: number;
  /** For lines, in each thread. */
  readonly memoryBytes: number;
}

export interface SharingState {
  readonly parameters: SharingParameters;
  readonly shard: Shard;
  readonly vcpuCount: number;
  readonly insnBase: Uint32Array;
  readonly lines: UnitTable;
  /** WORDS of each vCPU of each row. */
  words: Uint32Array;
  /** Coherence misses of each row: true sharing at 2r, false at 2r + 1. */
  missesByLine: Float64Array;
  /** Of each instruction, as well. */
  readonly missesByInsn: Float64Array;
  /** Virtual address of the row's line at its first coherence miss, in halves. */
  vaddr: Uint32Array;
  accesses: number;
  device: number;
  unaddressed: number;
}

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

export interface SharingResult {
  readonly vcpuCount: number;
  readonly accesses: number;
  readonly excluded: { readonly device: number; readonly noAddress: number };
  readonly lines: {
    readonly touched: number;
    /** By two vCPUs or more. */
    readonly shared: number;
    readonly readShared: number;
    readonly trueShared: number;
    readonly falseShared: number;
  };
  readonly misses: CoherenceMisses;
  /** Most coherence misses first. */
  readonly topLines: readonly SharedLine[];
  /** Instructions with coherence misses, in the order of the code table. */
  readonly sites: readonly ({ readonly block: number; readonly insn: number } & CoherenceMisses)[];
}

/** Of a vCPU's view of a line: what it loaded, stored, and what others stored since it lost the line; whether it did. */
const LOADED = 0;
const STORED = 2;
const STALE = 4;
const LOST = 6;
const WORDS = 7;

const MOST_SHARDS = 8;
const PAGE_BYTES = 4096;
/** Of the tables beside the words: units, slots, misses, addresses. */
const ROW_BYTES = 48;

export const sharingAnalysis: ShardedAnalysis<SharingParameters, SharingState, SharingResult> = {
  name: 'sharing',
  order: 'per-shard',
  columns: ['paddr', 'vaddr', 'size', 'flags', 'vcpu', 'block', 'insn'],
  requires: ['paddr'],
  init: initSharing,
  consume: consumeSharing,
  merge: mergeSharing,
  finish: finishSharing,
  shardLimit: () => MOST_SHARDS,
  shardMasks: markSharingShards,
};

/** Log2 of the line. Throws TraceError 'bad-argument' for what makes no sense. */
export function requireSharingParameters({
  lineBytes,
}: Pick<SharingParameters, 'lineBytes'>): number {
  const shift = Math.log2(lineBytes);
  if (Number.isInteger(shift) && lineBytes >= 8 && lineBytes <= 64) return shift;
  throw new TraceError('bad-argument', 'the line size is not possible', {
    expected: 'a power of two from 8 to 64 bytes: what each vCPU does with each byte is kept',
    found: String(lineBytes),
  });
}

function initSharing(
  parameters: SharingParameters,
  { insnBase, vcpuCount, blockCount }: Pick<TraceShape, 'insnBase' | 'vcpuCount' | 'blockCount'>,
  shard: Shard,
): SharingState {
  const lines = createUnitTable(requireSharingParameters(parameters));
  const capacity = lines.unitLo.length;
  return {
    ...{ parameters, shard, vcpuCount, insnBase, lines },
    words: new Uint32Array(WORDS * vcpuCount * capacity),
    missesByLine: new Float64Array(2 * capacity),
    missesByInsn: new Float64Array(2 * insnBase[blockCount]),
    vaddr: new Uint32Array(2 * capacity),
    ...{ accesses: 0, device: 0, unaddressed: 0 },
  };
}

/** The shards of the lines that each access touches. What is left out is counted by the first. */
function markSharingShards(
  { lineBytes }: SharingParameters,
  batch: AccessColumns,
  shardCount: number,
  masks: Uint8Array,
): void {
  const paddr = halves(requireColumn(batch.paddr, 'paddr'));
  const size = requireColumn(batch.size, 'size');
  const flags = requireColumn(batch.flags, 'flags');
  const shift = Math.log2(lineBytes);
  for (let i = 0; i < batch.length; i++) {
    const lo = paddr[2 * i];
    if ((flags[i] & (AccessFlag.device | AccessFlag.paddrUnknown)) !== 0) masks[i] = 1;
    else if ((lo & (lineBytes - 1)) + size[i] > lineBytes) masks[i] = 2 ** shardCount - 1;
    else masks[i] = 1 << ((lo >>> shift) & (shardCount - 1));
  }
}

/** Throws TraceError 'limit' when there are more lines than memory takes. */
function consumeSharing(state: SharingState, batch: AccessColumns): void {
  const { shard, parameters } = state;
  const paddr = halves(requireColumn(batch.paddr, 'paddr'));
  const size = requireColumn(batch.size, 'size');
  const flags = requireColumn(batch.flags, 'flags');
  const crossings = requireColumn(batch.crossings, 'crossings');
  let crossing = 0;
  for (let i = 0; i < batch.length; i++) {
    const restAt = crossings.index[crossing] === i ? crossings.paddr[crossing++] : undefined;
    if ((flags[i] & (AccessFlag.device | AccessFlag.paddrUnknown)) !== 0) {
      if ((flags[i] & AccessFlag.device) !== 0) state.device++;
      else state.unaddressed++;
      continue;
    }
    const lo = paddr[2 * i];
    const hi = paddr[2 * i + 1];
    // Of an access in several shards, the one that has its first line counts it.
    if (isOwn(state, lo)) state.accesses++;
    if (restAt === undefined) {
      touchBytes(state, batch, i, lo, hi, size[i]);
    } else {
      const here = PAGE_BYTES - (lo & (PAGE_BYTES - 1));
      touchBytes(state, batch, i, lo, hi, here);
      const restLo = Number(BigInt.asUintN(32, restAt));
      touchBytes(state, batch, i, restLo, Number(restAt >> 32n), size[i] - here);
    }
  }
  const { rowCount } = state.lines;
  const rowBytes = ROW_BYTES + 4 * WORDS * state.vcpuCount;
  const limit = Math.floor(parameters.memoryBytes / rowBytes / shard.count);
  if (rowCount <= limit) return;
  throw new TraceError('limit', 'there are more lines than can be told apart', {
    expected: `at most ${limit * shard.count}, with ${state.vcpuCount} vCPUs`,
    remedy: 'Choose a part of the trace: --from and --to, --address, --cpl.',
  });
}

function isOwn({ shard, lines }: SharingState, lo: number): boolean {
  return ((lo >>> lines.shift) & (shard.count - 1)) === shard.index;
}

/** Bytes that follow each other in physical memory. */
function touchBytes(
  state: SharingState,
  batch: AccessColumns,
  i: number,
  lo: number,
  hi: number,
  sizeBytes: number,
): void {
  const { lineBytes } = state.parameters;
  let at = lo;
  let left = sizeBytes;
  while (left > 0) {
    const offset = at & (lineBytes - 1);
    const inside = Math.min(left, lineBytes - offset);
    if (isOwn(state, at)) touchLine(state, batch, i, at, hi, bytesOfLine(offset, inside));
    // An access does not leave its page here: only the low half changes.
    at += inside;
    left -= inside;
  }
}

function touchLine(
  state: SharingState,
  batch: AccessColumns,
  i: number,
  lo: number,
  hi: number,
  bytes: BytesOfLine,
): void {
  const { lines, vcpuCount, missesByInsn } = state;
  const { shift } = lines;
  const row = rowOfUnit(lines, ((lo >>> shift) | (hi << (32 - shift))) >>> 0, hi >>> shift);
  growRows(state);
  const { words, missesByLine } = state;
  const vcpu = requireColumn(batch.vcpu, 'vcpu')[i];
  const own = WORDS * (row * vcpuCount + vcpu);
  if (words[own + LOST] === 1) {
    const isTrue = ((words[own + STALE] & bytes.lo) | (words[own + STALE + 1] & bytes.hi)) !== 0;
    const kind = isTrue ? 0 : 1;
    const block = requireColumn(batch.block, 'block')[i];
    if (missesOf(missesByLine, row) === 0) nameMiss(state, batch, i, lo, row);
    missesByLine[2 * row + kind]++;
    missesByInsn[2 * (state.insnBase[block] + requireColumn(batch.insn, 'insn')[i]) + kind]++;
    words[own + LOST] = 0;
    words[own + STALE] = 0;
    words[own + STALE + 1] = 0;
  }
  const isStore = (requireColumn(batch.flags, 'flags')[i] & AccessFlag.store) !== 0;
  const touched = own + (isStore ? STORED : LOADED);
  words[touched] |= bytes.lo;
  words[touched + 1] |= bytes.hi;
  if (isStore) takeFromOthers(state, row, vcpu, bytes);
}

function takeFromOthers(
  { words, vcpuCount }: SharingState,
  row: number,
  vcpu: number,
  bytes: BytesOfLine,
): void {
  for (let other = 0; other < vcpuCount; other++) {
    const at = WORDS * (row * vcpuCount + other);
    if (other === vcpu || !hasTouched(words, at)) continue;
    words[at + LOST] = 1;
    words[at + STALE] |= bytes.lo;
    words[at + STALE + 1] |= bytes.hi;
  }
}

function hasTouched(words: Uint32Array, at: number): boolean {
  return (words[at] | words[at + 1] | words[at + STORED] | words[at + STORED + 1]) !== 0;
}

/** Where the access finds the line with the physical address `lo`: the place within a page is the same. */
function nameMiss(
  state: SharingState,
  batch: AccessColumns,
  i: number,
  lo: number,
  row: number,
): void {
  const vaddr = halves(requireColumn(batch.vaddr, 'vaddr'));
  const inPage = lo & (PAGE_BYTES - state.parameters.lineBytes);
  const at = vaddr[2 * i];
  // A line before the access's first byte is one of the next page.
  const isNext = inPage + state.parameters.lineBytes <= (at & (PAGE_BYTES - 1));
  const low = at - (at % PAGE_BYTES) + inPage + (isNext ? PAGE_BYTES : 0);
  state.vaddr[2 * row] = low;
  state.vaddr[2 * row + 1] = vaddr[2 * i + 1] + Math.floor(low / 2 ** 32);
}

/** As many rows as the table of lines has room for. */
function growRows(state: SharingState): void {
  const capacity = state.lines.unitLo.length;
  if (2 * capacity > state.missesByLine.length) {
    const { words, missesByLine, vaddr } = state;
    state.words = new Uint32Array(WORDS * state.vcpuCount * capacity);
    state.words.set(words);
    state.missesByLine = new Float64Array(2 * capacity);
    state.missesByLine.set(missesByLine);
    state.vaddr = new Uint32Array(2 * capacity);
    state.vaddr.set(vaddr);
  }
}

/** Shards have different lines. */
function mergeSharing(a: SharingState, b: SharingState): SharingState {
  const perRow = WORDS * a.vcpuCount;
  for (let row = 0; row < b.lines.rowCount; row++) {
    const mine = rowOfUnit(a.lines, b.lines.unitLo[row], b.lines.unitHi[row]);
    growRows(a);
    a.words.set(b.words.subarray(perRow * row, perRow * (row + 1)), perRow * mine);
    a.missesByLine.set(b.missesByLine.subarray(2 * row, 2 * row + 2), 2 * mine);
    a.vaddr.set(b.vaddr.subarray(2 * row, 2 * row + 2), 2 * mine);
  }
  for (let i = 0; i < a.missesByInsn.length; i++) a.missesByInsn[i] += b.missesByInsn[i];
  a.accesses += b.accesses;
  a.device += b.device;
  a.unaddressed += b.unaddressed;
  return a;
}

function finishSharing(state: SharingState): SharingResult {
  const { lines, missesByLine, missesByInsn, insnBase, vcpuCount, parameters } = state;
  const kinds: Record<SharedKind, number> = { read: 0, true: 0, false: 0 };
  const missed: number[] = [];
  for (let row = 0; row < lines.rowCount; row++) {
    const kind = kindOf(state, row);
    if (kind === undefined) continue;
    kinds[kind]++;
    if (missesOf(missesByLine, row) > 0) missed.push(row);
  }
  const { unitLo, unitHi } = lines;
  missed.sort(
    (a, b) =>
      missesOf(missesByLine, b) - missesOf(missesByLine, a) ||
      unitHi[a] - unitHi[b] ||
      unitLo[a] - unitLo[b],
  );
  const sites: SharingResult['sites'][number][] = [];
  let block = 0;
  for (let site = 0; 2 * site < missesByInsn.length; site++) {
    while (insnBase[block + 1] <= site) block++;
    if (missesOf(missesByInsn, site) === 0) continue;
    sites.push({ block, insn: site - insnBase[block], ...both(missesByInsn, site) });
  }
  return {
    vcpuCount,
    accesses: state.accesses,
    excluded: { device: state.device, noAddress: state.unaddressed },
    lines: {
      touched: lines.rowCount,
      shared: kinds.read + kinds.true + kinds.false,
      ...{ readShared: kinds.read, trueShared: kinds.true, falseShared: kinds.false },
    },
    misses: {
      trueSharing: sites.reduce((sum, one) => sum + one.trueSharing, 0),
      falseSharing: sites.reduce((sum, one) => sum + one.falseSharing, 0),
    },
    topLines: missed.slice(0, parameters.reportTop).map((row) => lineOf(state, row)),
    sites,
  };
}

function missesOf(misses: Float64Array, at: number): number {
  return misses[2 * at] + misses[2 * at + 1];
}

function both(misses: Float64Array, at: number): CoherenceMisses {
  return { trueSharing: misses[2 * at], falseSharing: misses[2 * at + 1] };
}

function lineOf(state: SharingState, row: number): SharedLine {
  const { lo, hi } = addressOfRow(state.lines, row);
  return {
    ...{ addressLo: lo, addressHi: hi },
    ...{ vaddrLo: state.vaddr[2 * row], vaddrHi: state.vaddr[2 * row + 1] },
    kind: kindOf(state, row) ?? 'read',
    ...both(state.missesByLine, row),
    vcpus: usersOf(state, row),
  };
}

/** Undefined: one vCPU alone. */
function kindOf(state: SharingState, row: number): SharedKind | undefined {
  const { words, vcpuCount } = state;
  let users = 0;
  let stored = 0;
  // Touched by one vCPU at least; by one and stored by another.
  let [seenLo, seenHi, storedLo, storedHi, clash] = [0, 0, 0, 0, 0];
  for (let vcpu = 0; vcpu < vcpuCount; vcpu++) {
    const at = WORDS * (row * vcpuCount + vcpu);
    if (!hasTouched(words, at)) continue;
    users++;
    const [ownLo, ownHi] = [words[at + STORED], words[at + STORED + 1]];
    const touchedLo = words[at] | ownLo;
    const touchedHi = words[at + 1] | ownHi;
    clash |= (touchedLo & storedLo) | (touchedHi & storedHi) | (ownLo & seenLo) | (ownHi & seenHi);
    stored |= ownLo | ownHi;
    seenLo |= touchedLo;
    seenHi |= touchedHi;
    storedLo |= ownLo;
    storedHi |= ownHi;
  }
  if (users < 2) return undefined;
  if (stored === 0) return 'read';
  return clash === 0 ? 'false' : 'true';
}

function usersOf({ words, vcpuCount }: SharingState, row: number): LineUser[] {
  return Array.from({ length: vcpuCount }, (_, vcpu) => vcpu).flatMap((vcpu) => {
    const at = WORDS * (row * vcpuCount + vcpu);
    if (!hasTouched(words, at)) return [];
    return [
      {
        vcpu,
        ...{ loadedLo: words[at + LOADED], loadedHi: words[at + LOADED + 1] },
        ...{ storedLo: words[at + STORED], storedHi: words[at + STORED + 1] },
      },
    ];
  });
}
