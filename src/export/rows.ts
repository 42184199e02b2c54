// SPDX-License-Identifier: Apache-2.0
// Accesses as CSV and as NDJSON, with everything that the trace knows of each. What it does not know is empty
// in CSV and missing in NDJSON.

import { AccessFlag, type CodeTable, halves } from '../format/index.ts';
import { ascii, OutputBuffer } from './output-buffer.ts';

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
  | ('cr3' | 'bytes' | 'marks');

/** In the order of a row. */
export const ROW_FIELDS: readonly RowField[] = [
  ...(['ordinal', 'vcpu', 'icount', 'pc', 'op', 'size', 'vaddr', 'paddr', 'cpl'] as const),
  ...(['cr3', 'bytes', 'marks'] as const),
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
const COMMA = 44;
const NEWLINE = 10;
const QUOTE = 34;
const OPEN = 123;
const CLOSE = 125;
const ZERO = 48;
const LOWER_X = 120;
const LOAD = ascii('load');
const STORE = ascii('store');
const NO_BYTES = new Uint8Array(0);

/** The bytes, in hexadecimal digits, of instruction `insn` of a block. */
export type InstructionText = (block: number, insn: number) => Uint8Array;

export class RowWriter {
  readonly #out: OutputBuffer;
  readonly #isJson: boolean;
  readonly #bytesOf: InstructionText;
  /** What comes before the value of each field in NDJSON: `,"pc":`. */
  readonly #keys: Readonly<Record<RowField, Uint8Array>>;
  /** What the marks look like, by flags. */
  readonly #marks: readonly Uint8Array[];
  /** A field of the row has been written. */
  #isBegun = false;

  constructor(out: OutputBuffer, format: RowFormat, bytesOf: InstructionText) {
    this.#out = out;
    this.#isJson = format === 'ndjson';
    this.#bytesOf = bytesOf;
    this.#keys = keysOf(this.#isJson);
    this.#marks = Array.from({ length: 256 }, (_, flags) => marksOf(flags, this.#isJson));
  }

  /** What comes before the first row. */
  headline(): void {
    if (!this.#isJson) this.#out.append(ascii(`${ROW_FIELDS.join(',')}\n`));
  }

  /** Row i of the batch. */
  row(batch: RowColumns, wide: WideColumns, i: number): void {
    const out = this.#out;
    const flags = batch.flags?.[i] ?? 0;
    out.reserve(MAX_ROW_BYTES);
    if (this.#isJson) out.byte(OPEN);
    this.#isBegun = false;
    this.#count('ordinal', batch.ordinal?.[i] ?? batch.firstOrdinal + i);
    this.#count('vcpu', batch.vcpu?.[i]);
    const { icount } = wide;
    this.#count('icount', icount && icount[2 * i + 1] * TWO_32 + icount[2 * i]);
    this.#address('pc', wide.pc, i);
    this.#word('op', (flags & AccessFlag.store) === 0 ? LOAD : STORE);
    this.#count('size', batch.size?.[i]);
    const isPhysical = (flags & AccessFlag.physicalOnly) !== 0;
    this.#address('vaddr', isPhysical ? undefined : wide.vaddr, i);
    const isUnknown = (flags & AccessFlag.paddrUnknown) !== 0;
    this.#address('paddr', isUnknown ? undefined : wide.paddr, i);
    const cpl = batch.cpl?.[i];
    this.#count('cpl', cpl === CPL_UNKNOWN ? undefined : cpl);
    this.#address('cr3', wide.cr3, i);
    const block = batch.block?.[i];
    if (block === undefined) this.#missing();
    else this.#word('bytes', this.#bytesOf(block, batch.insn?.[i] ?? 0));
    this.#key('marks');
    out.append(this.#marks[flags] ?? NO_BYTES);
    if (this.#isJson) out.byte(CLOSE);
    out.byte(NEWLINE);
  }

  #count(field: RowField, value: number | undefined): void {
    if (value === undefined) {
      this.#missing();
      return;
    }
    this.#key(field);
    this.#out.decimal(value);
  }

  #address(field: RowField, words: Uint32Array | undefined, i: number): void {
    if (words === undefined) {
      this.#missing();
      return;
    }
    const out = this.#out;
    this.#key(field);
    if (this.#isJson) out.byte(QUOTE);
    out.byte(ZERO);
    out.byte(LOWER_X);
    out.hex(words[2 * i], words[2 * i + 1]);
    if (this.#isJson) out.byte(QUOTE);
  }

  #word(field: RowField, text: Uint8Array): void {
    const out = this.#out;
    this.#key(field);
    if (this.#isJson) out.byte(QUOTE);
    for (let i = 0; i < text.length; i++) out.byte(text[i]);
    if (this.#isJson) out.byte(QUOTE);
  }

  #key(field: RowField): void {
    const out = this.#out;
    if (this.#isBegun) out.byte(COMMA);
    this.#isBegun = true;
    if (this.#isJson) out.append(this.#keys[field]);
  }

  #missing(): void {
    if (this.#isJson) return;
    if (this.#isBegun) this.#out.byte(COMMA);
    this.#isBegun = true;
  }
}

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

function keysOf(isJson: boolean): Readonly<Record<RowField, Uint8Array>> {
  const key = (field: RowField): Uint8Array => (isJson ? ascii(`"${field}":`) : NO_BYTES);
  return {
    ordinal: key('ordinal'),
    vcpu: key('vcpu'),
    icount: key('icount'),
    pc: key('pc'),
    op: key('op'),
    size: key('size'),
    vaddr: key('vaddr'),
    paddr: key('paddr'),
    cpl: key('cpl'),
    cr3: key('cr3'),
    bytes: key('bytes'),
    marks: key('marks'),
  };
}

function marksOf(flags: number, isJson: boolean): Uint8Array {
  const names = ROW_MARKS.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  return ascii(isJson ? JSON.stringify(names) : names.join(' '));
}

/** As large as the part of the code table that is shown. */
export function instructionTexts(code: CodeTable): InstructionText {
  const known: (readonly Uint8Array[] | undefined)[] = [];
  return (block, insn) => {
    let texts = known[block];
    if (texts === undefined) {
      texts = textsOf(code, block);
      known[block] = texts;
    }
    return texts[insn] ?? NO_BYTES; // none: no instruction made the access
  };
}

function textsOf(code: CodeTable, block: number): readonly Uint8Array[] {
  const offsets = code.insnOffsets(block);
  const bytes = code.bytes(block);
  return Array.from(offsets, (begin, i) => {
    const part = bytes.subarray(begin, offsets[i + 1]);
    return ascii(Array.from(part, (byte) => byte.toString(16).padStart(2, '0')).join(''));
  });
}
