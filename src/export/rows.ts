// SPDX-License-Identifier: Apache-2.0
// Accesses as CSV and as NDJSON, with everything that the trace knows of each. What it does not know is empty
// in CSV and missing in NDJSON.

import { halves, u64FromBigint } from '../base/index.ts';
import { AccessFlag, type CodeTable } from '../format/index.ts';
import { ascii, type OutputBuffer, putDecimal, putHex, putText } from './output-buffer.ts';

export type RowFormat = 'csv' | 'ndjson';

/** The columns of a batch that a row shows; a trace without one of them gives none. */
export interface RowColumns {
  readonly firstOrdinal: number;
  readonly length: number;
  readonly vaddr?: BigUint64Array | undefined;
  readonly pc?: BigUint64Array | undefined;
  readonly paddr?: BigUint64Array | undefined;
  readonly icount?: BigUint64Array | undefined;
  readonly size?: Uint8Array | undefined;
  readonly flags?: Uint8Array | undefined;
  readonly vcpu?: Uint16Array | undefined;
  readonly cpl?: Uint8Array | undefined;
  readonly cr3?: BigUint64Array | undefined;
  readonly block?: Uint32Array | undefined;
  readonly insn?: Uint16Array | undefined;
  /** Ordinals, when they are not consecutive. */
  readonly ordinal?: Float64Array | undefined;
}

export type RowField =
  | ('ordinal' | 'vcpu' | 'icount' | 'pc' | 'op' | 'size' | 'vaddr' | 'paddr' | 'cpl')
  | ('cr3' | 'bytes' | 'symbol' | 'marks');

/** In the order of a row. */
export const ROW_FIELDS: readonly RowField[] = [
  ...(['ordinal', 'vcpu', 'icount', 'pc', 'op', 'size', 'vaddr', 'paddr', 'cpl'] as const),
  ...(['cr3', 'bytes', 'symbol', 'marks'] as const),
];

/** Bits of the flags column that a row names. */
export const ROW_MARKS: readonly (readonly [bit: number, name: string])[] = [
  [AccessFlag.aborted, 'aborted'],
  [AccessFlag.device, 'device'],
  [AccessFlag.crossesPage, 'crosses-page'],
  [AccessFlag.physicalOnly, 'physical'],
  [64, 'event-delivery'],
  [128, 'page-walk'],
];

const MAX_ROW_BYTES = 400;
const CPL_UNKNOWN = 0xff;
const TWO_32 = 2 ** 32;
const LOAD = ascii('load');
const STORE = ascii('store');
const NO_BYTES = new Uint8Array(0);

/** What a row has of instruction `insn` of a block, as it stands there: its bytes, and its function when it is known. */
export type InstructionText = (block: number, insn: number) => Uint8Array;

/** The function at that address in that block, and how far into it. */
export type NameCode = (block: number, pcLo: number, pcHi: number) => string | undefined;

export class RowWriter {
  readonly #out: OutputBuffer;
  readonly #textOf: InstructionText;
  /** What stands before the value of each field that is known: `,"pc":"0x`, or `,0x`. */
  readonly #keys: RowKeys;
  /** What stands for a field that is not. */
  readonly #missing: Uint8Array;
  /** For bytes and function, of no block. */
  readonly #noText: Uint8Array;
  /** Behind a text. */
  readonly #quote: Uint8Array;
  /** Marks and the end of the row, by flags. */
  readonly #ends: readonly Uint8Array[];
  readonly #isJson: boolean;

  constructor(out: OutputBuffer, format: RowFormat, textOf: InstructionText) {
    const isJson = format === 'ndjson';
    this.#out = out;
    this.#textOf = textOf;
    this.#isJson = isJson;
    this.#keys = keysOf(isJson);
    this.#missing = ascii(isJson ? '' : ',');
    this.#noText = ascii(isJson ? '' : ',,');
    this.#quote = ascii(isJson ? '"' : '');
    this.#ends = Array.from({ length: 256 }, (_, flags) => endOf(flags, isJson));
  }

  /** What comes before the first row. */
  headline(): void {
    if (!this.#isJson) this.#out.append(ascii(`${ROW_FIELDS.join(',')}\n`));
  }

  /** Row i of the batch. */
  row(batch: RowColumns, wide: WideColumns, i: number): void {
    const out = this.#out;
    const keys = this.#keys;
    const quote = this.#quote;
    const flags = batch.flags?.[i] ?? 0;
    const block = batch.block?.[i];
    const text = block === undefined ? this.#noText : this.#textOf(block, batch.insn?.[i] ?? 0);
    out.reserve(MAX_ROW_BYTES + text.length);
    const { bytes } = out;
    let at = this.#count(
      bytes,
      out.length,
      keys.ordinal,
      batch.ordinal?.[i] ?? batch.firstOrdinal + i,
    );
    at = this.#count(bytes, at, keys.vcpu, batch.vcpu?.[i]);
    const { icount } = wide;
    at = this.#count(bytes, at, keys.icount, icount && icount[2 * i + 1] * TWO_32 + icount[2 * i]);
    at = this.#address(out, at, keys.pc, wide.pc, i);
    at = putText(bytes, at, keys.op);
    at = putText(bytes, at, (flags & AccessFlag.store) === 0 ? LOAD : STORE);
    at = putText(bytes, at, quote);
    at = this.#count(bytes, at, keys.size, batch.size?.[i]);
    const isPhysical = (flags & AccessFlag.physicalOnly) !== 0;
    at = this.#address(out, at, keys.vaddr, isPhysical ? undefined : wide.vaddr, i);
    const isUnknown = (flags & AccessFlag.paddrUnknown) !== 0;
    at = this.#address(out, at, keys.paddr, isUnknown ? undefined : wide.paddr, i);
    const cpl = batch.cpl?.[i];
    at = this.#count(bytes, at, keys.cpl, cpl === CPL_UNKNOWN ? undefined : cpl);
    at = this.#address(out, at, keys.cr3, wide.cr3, i);
    at = putText(bytes, at, text);
    out.length = putText(bytes, at, this.#ends[flags] ?? NO_BYTES);
  }

  #count(bytes: Uint8Array, at: number, key: Uint8Array, value: number | undefined): number {
    if (value === undefined) return putText(bytes, at, this.#missing);
    return putDecimal(bytes, putText(bytes, at, key), value);
  }

  #address(
    out: OutputBuffer,
    at: number,
    key: Uint8Array,
    words: Uint32Array | undefined,
    i: number,
  ): number {
    const { bytes } = out;
    if (words === undefined) return putText(bytes, at, this.#missing);
    const digits = putText(bytes, at, key);
    return putText(bytes, putHex(out, digits, words[2 * i], words[2 * i + 1]), this.#quote);
  }
}

type RowKeys = Readonly<Record<Exclude<RowField, 'bytes' | 'symbol' | 'marks'>, Uint8Array>>;

/** The 64-bit columns of a batch as halves. */
export interface WideColumns {
  readonly vaddr: Uint32Array | undefined;
  readonly pc: Uint32Array | undefined;
  readonly paddr: Uint32Array | undefined;
  readonly icount: Uint32Array | undefined;
  readonly cr3: Uint32Array | undefined;
}

export function wideColumns({ vaddr, pc, paddr, icount, cr3 }: RowColumns): WideColumns {
  return {
    vaddr: vaddr && halves(vaddr),
    pc: pc && halves(pc),
    paddr: paddr && halves(paddr),
    icount: icount && halves(icount),
    cr3: cr3 && halves(cr3),
  };
}

function keysOf(isJson: boolean): RowKeys {
  const key = (field: RowField, csv: string, json: string): Uint8Array =>
    ascii(isJson ? `,"${field}":${json}` : `,${csv}`);
  const count = (field: RowField): Uint8Array => key(field, '', '');
  const text = (field: RowField): Uint8Array => key(field, '', '"');
  const address = (field: RowField): Uint8Array => key(field, '0x', '"0x');
  return {
    ordinal: ascii(isJson ? '{"ordinal":' : ''),
    vcpu: count('vcpu'),
    icount: count('icount'),
    pc: address('pc'),
    op: text('op'),
    size: count('size'),
    vaddr: address('vaddr'),
    paddr: address('paddr'),
    cpl: count('cpl'),
    cr3: address('cr3'),
  };
}

function endOf(flags: number, isJson: boolean): Uint8Array {
  const names = ROW_MARKS.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  return ascii(isJson ? `,"marks":${JSON.stringify(names)}}\n` : `,${names.join(' ')}\n`);
}

/** As large as the part of the code table that is shown. */
export function instructionTexts(
  code: CodeTable,
  format: RowFormat,
  nameCode: NameCode = () => undefined,
): InstructionText {
  const known: (readonly Uint8Array[] | undefined)[] = [];
  const encoder = new TextEncoder();
  const draw = (bytes: Uint8Array, symbol: string | undefined): Uint8Array => {
    const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    if (format === 'csv') return encoder.encode(`,${digits},${csvText(symbol ?? '')}`);
    const name = symbol === undefined ? '' : `,"symbol":${JSON.stringify(symbol)}`;
    return encoder.encode(`,"bytes":"${digits}"${name}`);
  };
  const none = draw(NO_BYTES, undefined);
  return (block, insn) => {
    let texts = known[block];
    if (texts === undefined) {
      const offsets = code.insnOffsets(block); // none: no instruction made the access
      const bytes = code.bytes(block);
      texts = Array.from(offsets, (begin, i) => {
        const pc = u64FromBigint(BigInt.asUintN(64, code.vaddr(block) + BigInt(begin)));
        return draw(bytes.subarray(begin, offsets[i + 1]), nameCode(block, pc.lo, pc.hi));
      });
      known[block] = texts;
    }
    return texts[insn] ?? none;
  };
}

/** RFC 4180: a field with a comma or a quote stands in quotes. */
function csvText(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
