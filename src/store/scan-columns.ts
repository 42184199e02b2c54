// SPDX-License-Identifier: Apache-2.0
// The columns of the table `accesses`: what each needs of a batch, and its bytes as DuckDB holds them.

import { halves } from '../base/index.ts';
import { type AccessBatch, AccessFlag, type ColumnName } from '../format/index.ts';

/** How DuckDB holds a column: little-endian elements; an enumeration is the number of its word. */
export type ColumnKind = 'u64' | 'u32' | 'u16' | 'u8' | 'bool' | 'enum8' | 'enum16' | 'enum32';

export interface ScanColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly meaning: string;
  readonly needs: readonly ColumnName[];
  /** What enumerations are of; `function` gets its words from the symbols. */
  readonly words?: readonly string[];
}

const KIND_WORDS: readonly string[] = ['load', 'store'];
/** By the bits of AccessFlag.origin. */
const ORIGIN_WORDS: readonly string[] = ['instruction', 'event-delivery', 'page-walk'];

/** `words`: names of functions, when there are symbols. */
export function accessColumns(words: readonly string[]): readonly ScanColumn[] {
  return [
    {
      name: 'ordinal',
      kind: 'u64',
      meaning: 'position in its stream, from 0',
      needs: ['ordinal'],
    },
    { name: 'stream', kind: 'u16', meaning: 'vCPU thread that recorded it', needs: [] },
    { name: 'vcpu', kind: 'u16', meaning: 'vCPU that made it', needs: ['vcpu'] },
    {
      name: 'icount',
      kind: 'u64',
      meaning: 'instructions its vCPU had completed before',
      needs: ['icount'],
    },
    {
      name: 'pc',
      kind: 'u64',
      meaning: 'linear address of the instruction; of an event, where it was taken',
      needs: ['pc'],
    },
    {
      name: 'vaddr',
      kind: 'u64',
      meaning: 'linear address of the first byte; null when it was made by physical address',
      needs: ['vaddr', 'flags'],
    },
    {
      name: 'paddr',
      kind: 'u64',
      meaning: 'guest-physical address of the first byte; null when not known',
      needs: ['paddr', 'flags'],
    },
    { name: 'size', kind: 'u8', meaning: 'bytes', needs: ['size'] },
    { name: 'kind', kind: 'enum8', meaning: 'load or store', needs: ['flags'], words: KIND_WORDS },
    {
      name: 'origin',
      kind: 'enum8',
      meaning: 'who made it; all but instruction are reconstructed',
      needs: ['flags'],
      words: ORIGIN_WORDS,
    },
    { name: 'cpl', kind: 'u8', meaning: 'privilege, 0 to 3; null when not known', needs: ['cpl'] },
    { name: 'cr3', kind: 'u64', meaning: 'CR3, the address space', needs: ['cr3'] },
    { name: 'device', kind: 'bool', meaning: 'it went to a device', needs: ['flags'] },
    { name: 'block', kind: 'u32', meaning: 'row of blocks', needs: ['block'] },
    { name: 'insn', kind: 'u16', meaning: 'instruction in its block, from 0', needs: ['insn'] },
    {
      name: 'function',
      kind: words.length <= 2 ** 8 ? 'enum8' : words.length <= 2 ** 16 ? 'enum16' : 'enum32',
      meaning: 'function of the instruction; null without symbols',
      needs: ['block'],
      words,
    },
  ];
}

export const ELEMENT_BYTES: Readonly<Record<ColumnKind, number>> = {
  u64: 8,
  u32: 4,
  u16: 2,
  u8: 1,
  bool: 1,
  enum8: 1,
  enum16: 2,
  enum32: 4,
};

/** A column of some rows: its elements, and which are null (a bit each, set: not null), when any is. */
export interface PackedColumn {
  readonly bytes: ArrayBuffer;
  readonly valid: ArrayBuffer | undefined;
}

export const NO_WORD = 0xffff_ffff;
const ALL_ONES = 0xffff_ffff;
const CPL_UNKNOWN = 0xff;
const BATCH_ROWS = 32_768;

/** Rows `rows[0..count)` of the batch. `functionOf` has the word of each block, or NO_WORD. */
export function packColumn(
  { name, kind }: Pick<ScanColumn, 'name' | 'kind'>,
  batch: AccessBatch,
  rows: Uint32Array,
  count: number,
  functionOf: Uint32Array,
): PackedColumn {
  switch (name) {
    case 'ordinal':
      return plain(ordinalBytes(batch, rows, count));
    case 'stream':
      return plain(new Uint16Array(count).fill(batch.stream).buffer);
    case 'vcpu':
      return plain(gather(required(batch.vcpu, name), rows, count));
    case 'insn':
      return plain(gather(required(batch.insn, name), rows, count));
    case 'block':
      return plain(gather(required(batch.block, name), rows, count));
    case 'size':
      return plain(gather(required(batch.size, name), rows, count));
    case 'icount':
      return plain(gather64(required(batch.icount, name), rows, count));
    case 'cr3':
      return plain(gather64(required(batch.cr3, name), rows, count));
    case 'pc':
      return address(required(batch.pc, name), rows, count);
    case 'vaddr':
      return withoutPhysical(required(batch.vaddr, name), required(batch.flags, name), rows, count);
    case 'paddr':
      return address(required(batch.paddr, name), rows, count);
    case 'cpl': {
      const bytes = gather(required(batch.cpl, name), rows, count);
      const cpl = new Uint8Array(bytes);
      return { bytes, valid: validity(count, (i) => cpl[i] !== CPL_UNKNOWN) };
    }
    case 'kind':
      return plain(bits(batch, rows, count, AccessFlag.store, 0));
    case 'origin':
      return plain(bits(batch, rows, count, AccessFlag.origin, 6));
    case 'device':
      return plain(bits(batch, rows, count, AccessFlag.device, 2));
    case 'function':
      return functions(
        required(batch.block, name),
        rows,
        newArray(ELEMENT_BYTES[kind], count),
        functionOf,
      );
    default:
      throw new Error(`internal: accesses have no column ${name}`);
  }
}

function required<T>(column: T | undefined, name: string): T {
  if (column === undefined) throw new Error(`internal: the batch lacks what ${name} needs`);
  return column;
}

function plain(bytes: ArrayBuffer): PackedColumn {
  return { bytes, valid: undefined };
}

type Numbers = Uint8Array | Uint16Array | Uint32Array;

/** All rows of a batch are wanted: they are 0, 1, 2 ... and columns are copied as they are. */
function copyWhole(column: ArrayBufferView): ArrayBuffer {
  const to = new Uint8Array(column.byteLength);
  to.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
  return to.buffer;
}

function gather(from: Numbers, rows: Uint32Array, count: number): ArrayBuffer {
  if (from.length === count) return copyWhole(from);
  const to = newArray(from.BYTES_PER_ELEMENT, count);
  for (let i = 0; i < count; i++) to[i] = from[rows[i]];
  return to.buffer;
}

function gather64(column: BigUint64Array, rows: Uint32Array, count: number): ArrayBuffer {
  if (column.length === count) return copyWhole(column);
  const from = halves(column);
  const to = new Uint32Array(2 * count);
  for (let i = 0; i < count; i++) {
    const row = 2 * rows[i];
    to[2 * i] = from[row];
    to[2 * i + 1] = from[row + 1];
  }
  return to.buffer;
}

/** All ones: not known. */
function address(column: BigUint64Array, rows: Uint32Array, count: number): PackedColumn {
  const bytes = gather64(column, rows, count);
  const words = new Uint32Array(bytes);
  return {
    bytes,
    valid: validity(count, (i) => words[2 * i] !== ALL_ONES || words[2 * i + 1] !== ALL_ONES),
  };
}

function withoutPhysical(
  vaddr: BigUint64Array,
  flags: Uint8Array,
  rows: Uint32Array,
  count: number,
): PackedColumn {
  return {
    bytes: gather64(vaddr, rows, count),
    valid: validity(count, (i) => (flags[rows[i]] & AccessFlag.physicalOnly) === 0),
  };
}

function ordinalBytes(batch: AccessBatch, rows: Uint32Array, count: number): ArrayBuffer {
  const ordinal = required(batch.ordinal, 'ordinal');
  const to = new Uint32Array(2 * count);
  for (let i = 0; i < count; i++) {
    const value = ordinal[rows[i]];
    to[2 * i] = value;
    to[2 * i + 1] = value / 2 ** 32;
  }
  return to.buffer;
}

function bits(
  batch: AccessBatch,
  rows: Uint32Array,
  count: number,
  mask: number,
  shift: number,
): ArrayBuffer {
  const flags = required(batch.flags, 'flags');
  const to = new Uint8Array(count);
  for (let i = 0; i < count; i++) to[i] = (flags[rows[i]] & mask) >> shift;
  return to.buffer;
}

function functions(
  block: Uint32Array,
  rows: Uint32Array,
  to: NewArray,
  functionOf: Uint32Array,
): PackedColumn {
  for (let i = 0; i < to.length; i++) to[i] = functionOf[block[rows[i]]];
  return {
    bytes: to.buffer,
    valid: validity(to.length, (i) => functionOf[block[rows[i]]] !== NO_WORD),
  };
}

type NewArray = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

function newArray(elementBytes: number, length: number): NewArray {
  if (elementBytes === 1) return new Uint8Array(length);
  return elementBytes === 2 ? new Uint16Array(length) : new Uint32Array(length);
}

/** A bit for each row, in whole words of 64; undefined when all are valid. */
function validity(count: number, isValid: (row: number) => boolean): ArrayBuffer | undefined {
  let mask: Uint32Array<ArrayBuffer> | undefined;
  for (let i = 0; i < count; i++) {
    if (isValid(i)) continue;
    mask ??= new Uint32Array(BATCH_ROWS / 32).fill(ALL_ONES);
    mask[i >>> 5] &= ~(1 << (i & 31));
  }
  return mask?.buffer;
}
