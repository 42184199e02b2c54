// SPDX-License-Identifier: Apache-2.0
// Rows of a batch as DuckDB holds them: the bytes of each column, in memory that is used again.

import { halves } from '../base/index.ts';
import { type AccessBatch, AccessFlag } from '../format/index.ts';
import { BY_INSN, type FunctionNumbers } from './function-words.ts';
import { ELEMENT_BYTES, NO_WORD, type ScanColumn } from './scan-columns.ts';

/** A column of some rows: its elements, and which are null (a bit each, set: not null), when any is. */
export interface PackedColumn {
  /** Elements of the rows, and perhaps more behind them. */
  readonly bytes: ArrayBuffer;
  readonly valid: ArrayBuffer | undefined;
}

/** Gives memory for at least so many elements, with anything in it. */
export type TakeBuffer = (count: number, elementBytes: number) => ArrayBuffer;

/** Rows `rows[0..count)` of a batch. When that is all of them, `rows` are 0, 1, 2 ... */
export interface ChosenRows {
  readonly batch: AccessBatch;
  readonly rows: Uint32Array;
  readonly count: number;
}

const ALL_ONES = 0xffff_ffff;
const CPL_UNKNOWN = 0xff;
/** No other privilege has it. */
const HIGHEST_BIT = 0x80;
const BYTES_PER_WORD = 4;
const EACH_BYTE = 0x0101_0101;

export function packColumn(
  { name, kind }: Pick<ScanColumn, 'name' | 'kind'>,
  chosen: ChosenRows,
  functions: FunctionNumbers,
  take: TakeBuffer,
): PackedColumn {
  const { batch, count } = chosen;
  const bytes = take(count, ELEMENT_BYTES[kind]);
  let valid: ArrayBuffer | undefined;
  switch (name) {
    case 'ordinal':
      writeOrdinals(chosen, new Uint32Array(bytes));
      break;
    case 'stream':
      new Uint16Array(bytes).fill(batch.stream, 0, count);
      break;
    case 'vcpu':
      gather(required(batch.vcpu, name), chosen, new Uint16Array(bytes));
      break;
    case 'insn':
      gather(required(batch.insn, name), chosen, new Uint16Array(bytes));
      break;
    case 'block':
      gather(required(batch.block, name), chosen, new Uint32Array(bytes));
      break;
    case 'size':
      gather(required(batch.size, name), chosen, new Uint8Array(bytes));
      break;
    case 'icount':
      gather64(required(batch.icount, name), chosen, new Uint32Array(bytes));
      break;
    case 'cr3':
      gather64(required(batch.cr3, name), chosen, new Uint32Array(bytes));
      break;
    case 'pc':
      gather64(required(batch.pc, name), chosen, new Uint32Array(bytes));
      valid = validUnlessOnes(new Uint32Array(bytes), count);
      break;
    case 'vaddr':
      gather64(required(batch.vaddr, name), chosen, new Uint32Array(bytes));
      valid = validUnless(AccessFlag.physicalOnly, required(batch.flags, name), chosen);
      break;
    case 'paddr':
      gather64(required(batch.paddr, name), chosen, new Uint32Array(bytes));
      valid = validUnlessOnes(new Uint32Array(bytes), count);
      break;
    case 'cpl':
      gather(required(batch.cpl, name), chosen, new Uint8Array(bytes));
      valid = validCpl(new Uint8Array(bytes), count);
      break;
    case 'kind':
      writeBits(required(batch.flags, name), chosen, new Uint8Array(bytes), AccessFlag.store, 0);
      break;
    case 'origin':
      writeBits(required(batch.flags, name), chosen, new Uint8Array(bytes), AccessFlag.origin, 6);
      break;
    case 'device':
      writeBits(required(batch.flags, name), chosen, new Uint8Array(bytes), AccessFlag.device, 2);
      break;
    case 'function':
      valid = writeFunctions(
        { block: required(batch.block, name), insn: required(batch.insn, name) },
        chosen,
        numbersIn(bytes, ELEMENT_BYTES[kind]),
        functions,
      );
      break;
    default:
      throw new Error(`internal: accesses have no column ${name}`);
  }
  return { bytes, valid };
}

function required<T>(column: T | undefined, name: string): T {
  if (column === undefined) throw new Error(`internal: the batch lacks what ${name} needs`);
  return column;
}

type Numbers = Uint8Array | Uint16Array | Uint32Array;

// Loops say what they do and call nothing: a test of a row behind a function took as long as decoding the row.

function gather(from: Numbers, { rows, count }: ChosenRows, to: Numbers): void {
  if (from.length === count) {
    to.set(from);
    return;
  }
  for (let i = 0; i < count; i++) to[i] = from[rows[i]];
}

function gather64(column: BigUint64Array, { rows, count }: ChosenRows, to: Uint32Array): void {
  const from = halves(column);
  if (column.length === count) {
    to.set(from);
    return;
  }
  for (let i = 0; i < count; i++) {
    const row = 2 * rows[i];
    to[2 * i] = from[row];
    to[2 * i + 1] = from[row + 1];
  }
}

/** Without the column `ordinal` nothing may be left out of the batch: ordinals are those of its rows then. */
function writeOrdinals({ batch, rows, count }: ChosenRows, to: Uint32Array): void {
  const { ordinal, firstOrdinal, endOrdinal, length } = batch;
  if (ordinal === undefined && endOrdinal - firstOrdinal !== length) {
    throw new Error('internal: the batch lacks what ordinal needs');
  }
  for (let i = 0; i < count; i++) {
    const value = ordinal === undefined ? firstOrdinal + rows[i] : ordinal[rows[i]];
    const hi = Math.floor(value / 2 ** 32);
    to[2 * i] = value - hi * 2 ** 32;
    to[2 * i + 1] = hi;
  }
}

function writeBits(
  flags: Uint8Array,
  { rows, count }: ChosenRows,
  to: Uint8Array,
  mask: number,
  shift: number,
): void {
  let done = 0;
  if (flags.length === count) {
    // Four at a time.
    const from = wordsOf(flags);
    const words = new Uint32Array(to.buffer, 0, from.length);
    const wordMask = EACH_BYTE * mask;
    for (let i = 0; i < words.length; i++) words[i] = (from[i] & wordMask) >>> shift;
    done = BYTES_PER_WORD * words.length;
  }
  for (let i = done; i < count; i++) to[i] = (flags[rows[i]] & mask) >> shift;
}

/** Its bytes, four in each, without those at the end that make none; none at all when it begins amid a word. */
function wordsOf({ buffer, byteOffset, length }: Uint8Array): Uint32Array {
  return byteOffset % BYTES_PER_WORD === 0
    ? new Uint32Array(buffer, byteOffset, Math.floor(length / BYTES_PER_WORD))
    : new Uint32Array(0);
}

/** Whether a byte has one of the bits. */
function hasBits(bytes: Uint8Array, mask: number): boolean {
  const words = wordsOf(bytes);
  let all = 0;
  for (let i = 0; i < words.length; i++) all |= words[i];
  for (let i = BYTES_PER_WORD * words.length; i < bytes.length; i++) all |= bytes[i];
  return (all & (EACH_BYTE * mask)) !== 0;
}

function writeFunctions(
  { block, insn }: { readonly block: Uint32Array; readonly insn: Uint16Array },
  { rows, count }: ChosenRows,
  to: Numbers,
  { ofBlock, ofInsn }: FunctionNumbers,
): ArrayBuffer | undefined {
  let mask: Uint32Array<ArrayBuffer> | undefined;
  for (let i = 0; i < count; i++) {
    const row = rows[i];
    let word = ofBlock[block[row]];
    if (word >= BY_INSN) {
      if (word !== NO_WORD) word = ofInsn[word - BY_INSN + insn[row]];
      if (word === NO_WORD) clearBit((mask ??= allValid(count)), i);
    }
    to[i] = word;
  }
  return mask?.buffer;
}

function numbersIn(bytes: ArrayBuffer, elementBytes: number): Numbers {
  if (elementBytes === 1) return new Uint8Array(bytes);
  return elementBytes === 2 ? new Uint16Array(bytes) : new Uint32Array(bytes);
}

/** A bit for each row, in whole words of 64. */
function allValid(count: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(2 * Math.ceil(count / 64)).fill(ALL_ONES);
}

function clearBit(mask: Uint32Array, row: number): void {
  mask[row >>> 5] &= ~(1 << (row & 31));
}

/** Of 64-bit values: all ones is "not known". */
function validUnlessOnes(words: Uint32Array, count: number): ArrayBuffer | undefined {
  let mask: Uint32Array<ArrayBuffer> | undefined;
  for (let i = 0; i < count; i++) {
    if ((words[2 * i] & words[2 * i + 1]) === -1) clearBit((mask ??= allValid(count)), i);
  }
  return mask?.buffer;
}

function validUnless(
  flag: number,
  flags: Uint8Array,
  { rows, count }: ChosenRows,
): ArrayBuffer | undefined {
  if (!hasBits(flags, flag)) return undefined;
  let mask: Uint32Array<ArrayBuffer> | undefined;
  for (let i = 0; i < count; i++) {
    if ((flags[rows[i]] & flag) !== 0) clearBit((mask ??= allValid(count)), i);
  }
  return mask?.buffer;
}

function validCpl(cpl: Uint8Array, count: number): ArrayBuffer | undefined {
  if (!hasBits(cpl.subarray(0, count), HIGHEST_BIT)) return undefined;
  let mask: Uint32Array<ArrayBuffer> | undefined;
  for (let i = 0; i < count; i++) {
    if (cpl[i] === CPL_UNKNOWN) clearBit((mask ??= allValid(count)), i);
  }
  return mask?.buffer;
}
