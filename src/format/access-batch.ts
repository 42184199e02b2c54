// SPDX-License-Identifier: Apache-2.0
// A batch of accesses as columns, made from what the kernel left in its memory.

import { BATCH_LENGTH, type ChunkKernel, ColumnBit, ColumnNumber } from './kernel.ts';

/** Bits of the flags column. paddrUnknown and crossesPage are set only when paddr is asked for too. */
export const AccessFlag = {
  store: 1,
  /** It belongs to an instruction that did not complete. */
  aborted: 2,
  /** It went to a device, in whole or in part. */
  device: 4,
  paddrUnknown: 8,
  crossesPage: 16,
  /** vaddr is a physical address; there was no virtual one. */
  physicalOnly: 32,
  /** Bits of the access's Origin; 0 is an instruction. */
  origin: 192,
} as const;

/** Who made an access: what the flags column has under AccessFlag.origin. */
export const Origin = {
  instruction: 0,
  /** Of table reads and frame pushes when an interrupt or exception was taken: reconstructed. */
  eventDelivery: 64,
  /** Of the MMU setting accessed and dirty bits: reconstructed. */
  pageWalk: 128,
} as const;

export const COLUMN_NAMES = [
  'vaddr',
  'pc',
  'paddr',
  'icount',
  'size',
  'flags',
  'vcpu',
  'block',
  'insn',
  'cpl',
  'cr3',
  'ordinal',
] as const;

export type ColumnName = (typeof COLUMN_NAMES)[number];

/** Physical address of the part in the second page, for each access that crosses a page. */
export interface Crossings {
  /** Index into the batch, ascending. */
  readonly index: Uint32Array;
  /** All ones when it is not known. */
  readonly paddr: BigUint64Array;
}

/** The columns of a batch, each with `length` elements. */
export interface ColumnArrays {
  /** Linear address; a physical one where flags has physicalOnly. */
  readonly vaddr: BigUint64Array;
  /** Linear address of the instruction; of a delivered event, where it was taken, all ones if unknown. */
  readonly pc: BigUint64Array;
  /** Guest-physical address, all ones when it is not known. */
  readonly paddr: BigUint64Array;
  /** Instructions that the vCPU had completed before the one that made the access. */
  readonly icount: BigUint64Array;
  /** Bytes: 1, 2, 4 ... 128. */
  readonly size: Uint8Array;
  /** AccessFlag bits. */
  readonly flags: Uint8Array;
  readonly vcpu: Uint16Array;
  /** Id in the code table. */
  readonly block: Uint32Array;
  /** Index of the instruction in its block. */
  readonly insn: Uint16Array;
  /** 0 to 3; 255 when it is not known. */
  readonly cpl: Uint8Array;
  readonly cr3: BigUint64Array;
  /** Exact ordinal of each access, for batches from which accesses were left out. */
  readonly ordinal: Float64Array;
  /** There when paddr is. */
  readonly crossings: Crossings;
}

export interface BatchHead {
  readonly stream: number;
  readonly chunkIndex: number;
  readonly length: number;
  /** Ordinal, within the stream, of the first access. */
  readonly firstOrdinal: number;
  /** Ordinal behind the last access. More than firstOrdinal + length when accesses were left out. */
  readonly endOrdinal: number;
}

/** Names that a list is known to have: those before any part of unknown length. */
type SureNames<C extends readonly ColumnName[]> = C extends readonly [
  infer Name,
  ...infer Rest extends readonly ColumnName[],
]
  ? Name | SureNames<Rest>
  : never;

/** Not never when one of the lists that C may be is without the name. */
type ListWithout<C extends readonly ColumnName[], Name> = C extends unknown
  ? Name extends SureNames<C>
    ? never
    : C
  : never;

/** Names that every list that C may be is known to have. */
type SureOfAll<C extends readonly ColumnName[]> = {
  [Name in ColumnName]: [ListWithout<C, Name>] extends [never] ? Name : never;
}[ColumnName];

type WithCrossings<Name extends ColumnName> = Name | ('paddr' extends Name ? 'crossings' : never);

/**
 * Accesses in the order in which they were made, with the columns that were asked for: C is the list of
 * their names. A column that only the run decides about is optional. Unless copies were asked for, columns
 * are views that the next step of the iteration overwrites. An element of a BigUint64Array costs some 40 ns
 * to read: loops use halves().
 */
export type AccessBatch<C extends readonly ColumnName[] = readonly ColumnName[]> = BatchHead &
  Pick<ColumnArrays, WithCrossings<SureOfAll<C>>> &
  Partial<Pick<ColumnArrays, Exclude<WithCrossings<C[number]>, WithCrossings<SureOfAll<C>>>>>;

/** Half-open stretch of the kernel's batch. */
export interface Stretch {
  readonly begin: number;
  readonly end: number;
}

export interface BatchPlace {
  readonly stream: number;
  readonly chunkIndex: number;
  /** Ordinal of the first access of the kernel's batch. */
  readonly kernelOrdinal: number;
}

export function kernelBits(columns: ReadonlySet<ColumnName>): number {
  let bits = 0;
  if (columns.has('pc')) bits |= ColumnBit.pc;
  if (columns.has('icount')) bits |= ColumnBit.icount;
  if (columns.has('size') || columns.has('flags')) bits |= ColumnBit.sizeFlags;
  if (columns.has('paddr')) bits |= ColumnBit.paddr;
  if (columns.has('block')) bits |= ColumnBit.block;
  if (columns.has('insn')) bits |= ColumnBit.insn;
  if (columns.has('cpl')) bits |= ColumnBit.cpl;
  if (columns.has('vcpu')) bits |= ColumnBit.vcpu;
  if (columns.has('cr3')) bits |= ColumnBit.cr3;
  return bits;
}

/** Columns that the streams of addresses are read for. */
export function needsAddresses(columns: ReadonlySet<ColumnName>): boolean {
  return columns.has('vaddr') || columns.has('paddr');
}

/** Takes the kept stretches (ascending, not empty) of the kernel's batch. */
export function takeBatch(
  kernel: ChunkKernel,
  columns: ReadonlySet<ColumnName>,
  place: BatchPlace,
  kept: readonly Stretch[],
  copy: boolean,
): AccessBatch {
  const { buffer } = kernel;
  const first = kept[0].begin;
  const last = kept[kept.length - 1].end;
  const take = <T extends Column<T>>(column: T): T => {
    const packed = pack(column, kept);
    return copy ? packed.slice() : packed;
  };
  const big = (name: keyof typeof ColumnNumber): BigUint64Array =>
    take(new BigUint64Array(buffer, kernel.address(ColumnNumber[name]), BATCH_LENGTH));
  const words = (name: keyof typeof ColumnNumber): Uint16Array =>
    take(new Uint16Array(buffer, kernel.address(ColumnNumber[name]), BATCH_LENGTH));
  const bytes = (name: keyof typeof ColumnNumber): Uint8Array =>
    take(new Uint8Array(buffer, kernel.address(ColumnNumber[name]), BATCH_LENGTH));
  const batch: GrowingBatch = {
    stream: place.stream,
    chunkIndex: place.chunkIndex,
    length: kept.reduce((sum, { begin, end }) => sum + end - begin, 0),
    firstOrdinal: place.kernelOrdinal + first,
    endOrdinal: place.kernelOrdinal + last,
  };
  if (columns.has('ordinal')) batch.ordinal = ordinalsOf(place.kernelOrdinal, kept);
  if (columns.has('paddr')) {
    batch.paddr = big('paddr');
    batch.crossings = takeCrossings(kernel, kept);
  }
  if (columns.has('vaddr')) batch.vaddr = big('vaddr');
  if (columns.has('pc')) batch.pc = big('pc');
  if (columns.has('icount')) batch.icount = big('icount');
  if (columns.has('cr3')) batch.cr3 = big('cr3');
  if (columns.has('size')) batch.size = bytes('size');
  if (columns.has('flags')) batch.flags = bytes('flags');
  if (columns.has('cpl')) batch.cpl = bytes('cpl');
  if (columns.has('vcpu')) batch.vcpu = words('vcpu');
  if (columns.has('insn')) batch.insn = words('insn');
  if (columns.has('block')) {
    batch.block = take(new Uint32Array(buffer, kernel.address(ColumnNumber.block), BATCH_LENGTH));
  }
  return batch;
}

/**
 * Columns are added one by one, always in the same order: so all batches of an iteration are objects of one shape, and
 * loops over them are compiled once. Spread into a literal each would have a shape of its own.
 */
type GrowingBatch = { -readonly [Name in keyof AccessBatch]: AccessBatch[Name] };

interface Column<T> {
  copyWithin(target: number, begin: number, end: number): unknown;
  subarray(begin: number, end: number): T;
  slice(): T;
}

/** Moves the kept stretches together, in place. */
function pack<T extends Column<T>>(column: T, kept: readonly Stretch[]): T {
  const [{ begin, end }] = kept;
  if (kept.length === 1) return column.subarray(begin, end);
  let at = 0;
  for (const stretch of kept) {
    column.copyWithin(at, stretch.begin, stretch.end);
    at += stretch.end - stretch.begin;
  }
  return column.subarray(0, at);
}

function ordinalsOf(kernelOrdinal: number, kept: readonly Stretch[]): Float64Array {
  const ordinals = new Float64Array(kept.reduce((sum, { begin, end }) => sum + end - begin, 0));
  let at = 0;
  for (const { begin, end } of kept) {
    for (let i = begin; i < end; i++) ordinals[at++] = kernelOrdinal + i;
  }
  return ordinals;
}

function takeCrossings(kernel: ChunkKernel, kept: readonly Stretch[]): Crossings {
  const count = kernel.crossingsInBatch;
  const at = kernel.address(ColumnNumber.crossingIndex);
  const index = new Uint32Array(kernel.buffer, at, count).slice();
  const paddr = new BigUint64Array(
    kernel.buffer,
    kernel.address(ColumnNumber.crossingPaddr),
    count,
  ).slice();
  let taken = 0;
  let packedAt = 0;
  let next = 0;
  for (const { begin, end } of kept) {
    while (next < count && index[next] < begin) next++;
    for (; next < count && index[next] < end; next++) {
      index[taken] = packedAt + index[next] - begin;
      paddr[taken] = paddr[next];
      taken++;
    }
    packedAt += end - begin;
  }
  return { index: index.subarray(0, taken), paddr: paddr.subarray(0, taken) };
}

/** Batches that follow each other as one, in memory of its own; one alone is given as it is. */
export function joinBatches(batches: readonly AccessBatch[]): AccessBatch {
  const [first] = batches;
  if (batches.length === 1) return first;
  const length = batches.reduce((sum, batch) => sum + batch.length, 0);
  const batch: GrowingBatch = {
    stream: first.stream,
    chunkIndex: first.chunkIndex,
    length,
    firstOrdinal: first.firstOrdinal,
    endOrdinal: batches[batches.length - 1].endOrdinal,
  };
  if (first.ordinal) batch.ordinal = join(new Float64Array(length), batches, (one) => one.ordinal);
  if (first.paddr) batch.paddr = join(new BigUint64Array(length), batches, (one) => one.paddr);
  if (first.crossings) batch.crossings = joinCrossings(batches);
  if (first.vaddr) batch.vaddr = join(new BigUint64Array(length), batches, (one) => one.vaddr);
  if (first.pc) batch.pc = join(new BigUint64Array(length), batches, (one) => one.pc);
  if (first.icount) batch.icount = join(new BigUint64Array(length), batches, (one) => one.icount);
  if (first.cr3) batch.cr3 = join(new BigUint64Array(length), batches, (one) => one.cr3);
  if (first.size) batch.size = join(new Uint8Array(length), batches, (one) => one.size);
  if (first.flags) batch.flags = join(new Uint8Array(length), batches, (one) => one.flags);
  if (first.cpl) batch.cpl = join(new Uint8Array(length), batches, (one) => one.cpl);
  if (first.vcpu) batch.vcpu = join(new Uint16Array(length), batches, (one) => one.vcpu);
  if (first.insn) batch.insn = join(new Uint16Array(length), batches, (one) => one.insn);
  if (first.block) batch.block = join(new Uint32Array(length), batches, (one) => one.block);
  return batch;
}

function join<C extends { set(from: C, at: number): void; readonly length: number }>(
  to: C,
  batches: readonly AccessBatch[],
  pick: (batch: AccessBatch) => C | undefined,
): C {
  let at = 0;
  for (const batch of batches) {
    const column = pick(batch);
    if (column === undefined) continue;
    to.set(column, at);
    at += column.length;
  }
  return to;
}

function joinCrossings(batches: readonly AccessBatch[]): Crossings {
  let before = 0;
  const index: number[] = [];
  const paddr: bigint[] = [];
  for (const { crossings, length } of batches) {
    for (const at of crossings?.index ?? []) index.push(before + at);
    paddr.push(...(crossings?.paddr ?? []));
    before += length;
  }
  return { index: Uint32Array.from(index), paddr: BigUint64Array.from(paddr) };
}
