// SPDX-License-Identifier: Apache-2.0
// Rows as DuckDB holds them against the rows themselves, in memory that held something else before.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requireDefined } from '../base/index.ts';
import { AccessFlag } from '../format/index.ts';
import { BY_INSN } from './function-words.ts';
import { packColumn } from './pack-columns.ts';
import { BATCH_ROWS, createRowBuffers } from './row-buffers.ts';
import { accessColumns, ELEMENT_BYTES, NO_WORD, type ScanColumn } from './scan-columns.ts';

const ALL_ONES = 2n ** 64n - 1n;
const ALL_VALID = 0xffff_ffff;
const WORDS_BY_TURNS = [0, 1, NO_WORD];
const INSNS = 2 ** 16;
/** Block 0 is in g, block 1 in none; of block 2 the instructions are in f, g and none by turns. */
const FUNCTIONS = {
  ofBlock: Uint32Array.of(1, NO_WORD, BY_INSN + 3),
  ofInsn: Uint32Array.from({ length: 3 + INSNS }, (_, at) => WORDS_BY_TURNS[at % 3] ?? 0),
};
const COLUMNS = accessColumns(['f', 'g']);

const someU64 = fc.oneof(
  fc.constantFrom(ALL_ONES, 0xffff_ffffn, 0xffff_ffff_0000_0000n),
  fc.bigInt({ min: 0n, max: ALL_ONES }),
);
const someRow = fc.record({
  ordinal: fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 7),
  icount: someU64,
  pc: someU64,
  vaddr: someU64,
  paddr: someU64,
  cr3: someU64,
  size: fc.constantFrom(1, 8, 128),
  flags: fc.oneof(fc.constantFrom(0, AccessFlag.store), fc.nat(255)),
  cpl: fc.constantFrom(0, 3, 255),
  vcpu: fc.nat(65_535),
  block: fc.nat(2),
  insn: fc.nat(INSNS - 1),
});
/** Short ones often lack what is rare: unknown privileges, physical addresses. */
const someRows = fc.oneof(
  fc.array(someRow, { minLength: 1, maxLength: 9 }),
  fc.array(someRow, { minLength: 1, maxLength: 80 }),
);
type Row = typeof someRow extends fc.Arbitrary<infer T> ? T : never;

/** Bytes begin so many bytes behind a word's beginning. */
function batchOf(rows: readonly Row[], offset = 0) {
  const bytesOf = (values: readonly number[]): Uint8Array => {
    const bytes = new Uint8Array(offset + values.length).fill(255);
    bytes.set(values, offset);
    return bytes.subarray(offset);
  };
  return {
    ...{ stream: 5, chunkIndex: 0, length: rows.length, firstOrdinal: 0, endOrdinal: rows.length },
    ordinal: Float64Array.from(rows, ({ ordinal }) => ordinal),
    icount: BigUint64Array.from(rows, ({ icount }) => icount),
    pc: BigUint64Array.from(rows, ({ pc }) => pc),
    vaddr: BigUint64Array.from(rows, ({ vaddr }) => vaddr),
    paddr: BigUint64Array.from(rows, ({ paddr }) => paddr),
    cr3: BigUint64Array.from(rows, ({ cr3 }) => cr3),
    size: Uint8Array.from(rows, ({ size }) => size),
    flags: bytesOf(rows.map(({ flags }) => flags)),
    cpl: bytesOf(rows.map(({ cpl }) => cpl)),
    vcpu: Uint16Array.from(rows, ({ vcpu }) => vcpu),
    block: Uint32Array.from(rows, ({ block }) => block),
    insn: Uint16Array.from(rows, ({ insn }) => insn),
  };
}

/** What a row has in a column; undefined: null. */
function valueOf(name: string, row: Row): bigint | undefined {
  const known = (value: bigint): bigint | undefined => (value === ALL_ONES ? undefined : value);
  const has = (flag: number): bigint => ((row.flags & flag) === 0 ? 0n : 1n);
  const values: Readonly<Record<string, bigint | undefined>> = {
    ordinal: BigInt(row.ordinal),
    stream: 5n,
    vcpu: BigInt(row.vcpu),
    icount: row.icount,
    pc: known(row.pc),
    vaddr: has(AccessFlag.physicalOnly) === 1n ? undefined : row.vaddr,
    paddr: known(row.paddr),
    size: BigInt(row.size),
    kind: has(AccessFlag.store),
    origin: BigInt((row.flags & AccessFlag.origin) / 64),
    cpl: row.cpl === 255 ? undefined : BigInt(row.cpl),
    cr3: row.cr3,
    device: has(AccessFlag.device),
    block: BigInt(row.block),
    insn: BigInt(row.insn),
    function: [1n, undefined, [0n, 1n, undefined][row.insn % 3]][row.block],
  };
  return values[name];
}

/** Memory as it comes back: a byte of 0xa5 wherever nothing was written. */
function usedBuffer(count: number, elementBytes: number): ArrayBuffer {
  return new Uint8Array((count + 3) * elementBytes).fill(0xa5).buffer;
}

function unpack(
  { kind }: ScanColumn,
  { bytes, valid }: ReturnType<typeof packColumn>,
  count: number,
): (bigint | undefined)[] {
  const view = new DataView(bytes);
  const mask = valid === undefined ? undefined : new Uint32Array(valid);
  return Array.from({ length: count }, (_, i) => {
    if ((((mask?.[i >>> 5] ?? ALL_VALID) >>> (i & 31)) & 1) === 0) return undefined;
    let value = 0n;
    for (let k = ELEMENT_BYTES[kind]; k-- > 0; ) {
      value = value * 256n + BigInt(view.getUint8(i * ELEMENT_BYTES[kind] + k));
    }
    return value;
  });
}

describe('packColumn', () => {
  it.each(COLUMNS.map((column) => [column.name, column] as const))(
    'writes %s of the rows that are chosen, and which are null',
    (name, column) => {
      fc.assert(
        fc.property(someRows, fc.nat(3), fc.nat(3), (all, skip, offset) => {
          const chosen = all.flatMap((_, i) => (skip > 0 && i % (skip + 1) === 0 ? [] : [i]));
          const { length: count } = chosen;
          const packed = packColumn(
            column,
            { batch: batchOf(all, offset), rows: Uint32Array.from(chosen), count },
            FUNCTIONS,
            usedBuffer,
          );
          expect(unpack(column, packed, count)).toEqual(
            chosen.map((i) => valueOf(name, requireDefined(all[i], 'i is of a row'))),
          );
        }),
      );
    },
  );
});

describe('ordinals', () => {
  const column = requireDefined(
    COLUMNS.find(({ name }) => name === 'ordinal'),
    'ordinal',
  );
  const batchFrom = (firstOrdinal: number, endOrdinal: number) => {
    const { ordinal: _, ...batch } = batchOf(fc.sample(someRow, 7));
    return { ...batch, firstOrdinal, endOrdinal };
  };

  it.each([0, 2 ** 32 - 3, 2 ** 40 + 7])('are those of the rows from %d on', (first) => {
    const chosen = { batch: batchFrom(first, first + 7), rows: Uint32Array.of(0, 2, 6), count: 3 };
    const packed = packColumn(column, chosen, FUNCTIONS, usedBuffer);
    expect(unpack(column, packed, 3)).toEqual([0, 2, 6].map((row) => BigInt(first + row)));
  });

  it('must be told where something was left out', () => {
    const chosen = { batch: batchFrom(10, 18), rows: Uint32Array.of(0), count: 1 };
    expect(() => packColumn(column, chosen, FUNCTIONS, usedBuffer)).toThrow('lacks what ordinal');
  });
});

describe('memory for rows', () => {
  it('is used again when it came back', () => {
    const buffers = createRowBuffers();
    const first = buffers.take(BATCH_ROWS, 8);
    expect(buffers.take(BATCH_ROWS, 8)).not.toBe(first);
    buffers.give([first]);
    expect(buffers.take(BATCH_ROWS, 4)).not.toBe(first);
    expect(buffers.take(BATCH_ROWS - 1, 8)).toBe(first);
  });

  it('is no more than few rows need', () => {
    const buffers = createRowBuffers();
    const few = buffers.take(3, 8);
    expect(few.byteLength).toBe(24);
    buffers.give([few]);
    expect(buffers.take(3, 8)).not.toBe(few);
  });
});
