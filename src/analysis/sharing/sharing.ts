// SPDX-License-Identifier: Apache-2.0
// Lines that several vCPUs touch. Each vCPU is thought to have a cache that loses a line only when another vCPU stores
// to it; coming back to a line that was lost is a coherence miss. It is one of true sharing when the access touches a
// byte that others stored meanwhile, else of false sharing: another layout would avoid it (Torrellas, Lam and
// Hennessy, 1994, without its cold and replacement misses). Lines are physical: address spaces do not mix.

import { formatBytes, formatQuantity, halves, TraceError } from '../../base/index.ts';
import { AccessFlag } from '../../format/index.ts';
import { type AccessColumns, requireColumn } from '../access-columns.ts';
import type { Shard, ShardedAnalysis, TraceShape } from '../analysis.ts';
import { createTopList } from '../top-list.ts';
import { type BytesOfLine, bytesOfLine } from './byte-mask.ts';
import {
  type CoherenceMisses,
  countMiss,
  createLineTable,
  isShared,
  kindOf,
  type LineTable,
  lineOf,
  missesOfRow,
  NO_MISS,
  rowOfLine,
  type SharedKind,
  type SharedLine,
  setMissVaddr,
  touchRow,
} from './line-table.ts';

export interface SharingParameters {
  /** A power of two from 8 to 64. */
  readonly lineBytes: number;
  /** Lines in the result. */
  readonly reportTop: number;
  /** For lines, of all threads. */
  readonly memoryBytes: number;
}

export interface SharingState {
  readonly parameters: SharingParameters;
  readonly shard: Shard;
  readonly insnBase: Uint32Array;
  readonly lines: LineTable;
  /** Coherence misses of instruction n: true sharing at 2n, false at 2n + 1. */
  readonly missesByInsn: Float64Array;
  accesses: number;
  device: number;
  unaddressed: number;
}

/** What shards come to: they have different lines. */
interface SharingCounts {
  readonly parameters: SharingParameters;
  readonly accesses: number;
  readonly device: number;
  readonly unaddressed: number;
  readonly touched: number;
  readonly filled: number;
  readonly kinds: Readonly<Record<SharedKind, number>>;
  readonly missesByInsn: Float64Array;
  /** Most coherence misses first. */
  readonly topLines: readonly SharedLine[];
}

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
    /**
     * Of trueShared: one vCPU had stored every byte before another touched any, as where memory was cleared or loaded. So
     * they are truly shared, whatever both did with them later.
     */
    readonly filledBefore: number;
  };
  readonly misses: CoherenceMisses;
  /** Most coherence misses first. */
  readonly topLines: readonly SharedLine[];
  /** Instructions with coherence misses, in the order of the code table. */
  readonly sites: readonly ({ readonly block: number; readonly insn: number } & CoherenceMisses)[];
}

const MOST_SHARDS = 8;
const PAGE_BYTES = 4096;

export const sharingAnalysis: ShardedAnalysis<
  SharingParameters,
  SharingState,
  SharingResult,
  SharingCounts
> = {
  name: 'sharing',
  order: 'per-shard',
  columns: ['paddr', 'vaddr', 'size', 'flags', 'vcpu', 'block', 'insn'],
  requires: ['paddr'],
  init: initSharing,
  consume: consumeSharing,
  harvest: harvestSharing,
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
    remedy: 'Most machines have lines of 64 bytes, and here there are none larger.',
  });
}

function initSharing(
  parameters: SharingParameters,
  { insnBase, blockCount }: Pick<TraceShape, 'insnBase' | 'blockCount'>,
  shard: Shard,
): SharingState {
  return {
    ...{ parameters, shard, insnBase },
    lines: createLineTable(requireSharingParameters(parameters)),
    missesByInsn: new Float64Array(2 * insnBase[blockCount]),
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
  if (state.lines.sizeBytes * shard.count <= parameters.memoryBytes) return;
  const touched = state.lines.units.rowCount * shard.count;
  throw new TraceError('limit', 'there are more lines than can be told apart', {
    expected: `what fits into ${formatBytes(parameters.memoryBytes)}`,
    found: `${formatQuantity(touched, 'line')}, about, before the end`,
    remedy:
      'Lines do not depend on each other: take a part of memory at a time, --physical-address 0x0+256M, then 0x10000000+256M and so on; the figures add up.',
  });
}

function isOwn({ shard, lines }: SharingState, lo: number): boolean {
  return ((lo >>> lines.units.shift) & (shard.count - 1)) === shard.index;
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
  const { lines, missesByInsn, insnBase } = state;
  const { shift } = lines.units;
  const row = rowOfLine(lines, ((lo >>> shift) | (hi << (32 - shift))) >>> 0, hi >>> shift);
  const isStore = (requireColumn(batch.flags, 'flags')[i] & AccessFlag.store) !== 0;
  const vcpu = requireColumn(batch.vcpu, 'vcpu')[i];
  const miss = touchRow(lines, row, vcpu, isStore, bytes);
  if (miss === NO_MISS) return;
  const block = requireColumn(batch.block, 'block')[i];
  const insn = insnBase[block] + requireColumn(batch.insn, 'insn')[i];
  missesByInsn[2 * insn + miss]++;
  if (countMiss(lines, row, miss) === 1) nameMiss(state, batch, i, lo, row);
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
  setMissVaddr(state.lines, row, low >>> 0, vaddr[2 * i + 1] + Math.floor(low / 2 ** 32));
}

function harvestSharing(state: SharingState): SharingCounts {
  const { parameters, accesses, device, unaddressed, missesByInsn, lines } = state;
  const kinds: Record<SharedKind, number> = { read: 0, true: 0, false: 0 };
  const { unitLo, unitHi, rowCount } = lines.units;
  const most = createTopList<number>(
    parameters.reportTop,
    (row) => missesOfRow(lines, row),
    (a, b) => unitHi[a] - unitHi[b] || unitLo[a] - unitLo[b],
  );
  for (let row = 0; row < rowCount; row++) {
    if (!isShared(lines, row)) continue;
    kinds[kindOf(lines, row)]++;
    const misses = missesOfRow(lines, row);
    if (misses > 0 && misses >= most.least()) most.offer(row);
  }
  return {
    ...{ parameters, accesses, device, unaddressed, kinds, missesByInsn },
    touched: rowCount,
    filled: lines.filledCount,
    topLines: most.take().map((row) => lineOf(lines, row)),
  };
}

function missesOf({ trueSharing, falseSharing }: CoherenceMisses): number {
  return trueSharing + falseSharing;
}

function byAddress(a: SharedLine, b: SharedLine): number {
  return a.addressHi - b.addressHi || a.addressLo - b.addressLo;
}

function mergeSharing(a: SharingCounts, b: SharingCounts): SharingCounts {
  const { parameters, missesByInsn } = a;
  for (let i = 0; i < missesByInsn.length; i++) missesByInsn[i] += b.missesByInsn[i];
  const most = createTopList(parameters.reportTop, missesOf, byAddress);
  for (const line of [...a.topLines, ...b.topLines]) most.offer(line);
  return {
    ...{ parameters, missesByInsn },
    accesses: a.accesses + b.accesses,
    device: a.device + b.device,
    unaddressed: a.unaddressed + b.unaddressed,
    touched: a.touched + b.touched,
    filled: a.filled + b.filled,
    kinds: {
      read: a.kinds.read + b.kinds.read,
      true: a.kinds.true + b.kinds.true,
      false: a.kinds.false + b.kinds.false,
    },
    topLines: most.take(),
  };
}

function finishSharing(
  { accesses, device, unaddressed, touched, filled, kinds, missesByInsn, topLines }: SharingCounts,
  { insnBase, vcpuCount }: Pick<TraceShape, 'insnBase' | 'vcpuCount'>,
): SharingResult {
  const sites: SharingResult['sites'][number][] = [];
  let block = 0;
  for (let site = 0; 2 * site < missesByInsn.length; site++) {
    while (insnBase[block + 1] <= site) block++;
    const trueSharing = missesByInsn[2 * site];
    const falseSharing = missesByInsn[2 * site + 1];
    if (trueSharing + falseSharing === 0) continue;
    sites.push({ block, insn: site - insnBase[block], trueSharing, falseSharing });
  }
  return {
    vcpuCount,
    accesses,
    excluded: { device, noAddress: unaddressed },
    lines: {
      touched,
      shared: kinds.read + kinds.true + kinds.false,
      ...{ readShared: kinds.read, trueShared: kinds.true, falseShared: kinds.false },
      filledBefore: filled,
    },
    misses: {
      trueSharing: sites.reduce((sum, one) => sum + one.trueSharing, 0),
      falseSharing: sites.reduce((sum, one) => sum + one.falseSharing, 0),
    },
    topLines,
    sites,
  };
}
