// SPDX-License-Identifier: Apache-2.0
// Accesses as lines: text for reading, ndjson and csv for programs. The same fields in all three.

import { assertNever, formatHex64 } from '../../base/index.ts';

export const DUMP_FORMATS = ['text', 'ndjson', 'csv'] as const;
export type DumpFormat = (typeof DUMP_FORMATS)[number];

/** The columns of a batch that a line shows; a trace without one of them gives none. */
export interface DumpColumns {
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

interface AccessLine {
  readonly ordinal: number;
  readonly vcpu: number | undefined;
  readonly icount: number | undefined;
  readonly pc: string | undefined;
  readonly op: 'load' | 'store';
  readonly size: number | undefined;
  readonly vaddr: string | undefined;
  readonly paddr: string | undefined;
  readonly cpl: number | undefined;
  readonly cr3: string | undefined;
  /** The instruction, in hex. */
  readonly bytes: string | undefined;
  /** The function, and how far into it. */
  readonly symbol: string | undefined;
  /** What is special: aborted, device, crosses-page, physical, its origin. */
  readonly marks: readonly string[];
}

const FIELDS = [
  ...(['ordinal', 'vcpu', 'icount', 'pc', 'op', 'size', 'vaddr', 'paddr', 'cpl'] as const),
  ...(['cr3', 'bytes', 'symbol', 'marks'] as const),
];
const WIDTHS: Readonly<Record<(typeof FIELDS)[number], number>> = {
  ordinal: 12,
  vcpu: 4,
  icount: 14,
  pc: 18,
  op: 5,
  size: 4,
  vaddr: 18,
  paddr: 14,
  cpl: 3,
  cr3: 12,
  bytes: 20,
  symbol: 36,
  marks: 0,
};
const LINES_PER_TEXT = 512;
const CPL_UNKNOWN = 0xff;
const FLAG_PHYS_UNKNOWN = 1 << 3;
const FLAG_PHYS_ONLY = 1 << 5;
const MARKS = [
  [1 << 1, 'aborted'],
  [1 << 2, 'device'],
  [1 << 4, 'crosses-page'],
  [FLAG_PHYS_ONLY, 'physical'],
  [1 << 6, 'event-delivery'],
  [1 << 7, 'page-walk'],
] as const;

/** What is known of instruction `insn` of a block of the code table: its bytes in hex, its function. */
export type InstructionFacts = (
  block: number,
  insn: number,
) => { readonly bytes: string; readonly symbol: string | undefined };

/** What comes before the first line: '' for ndjson. */
export function dumpHeadline(format: DumpFormat, hasSymbols: boolean): string {
  switch (format) {
    case 'text':
      return `${textFields(hasSymbols)
        .map((name) => pad(name, name))
        .join(' ')
        .trimEnd()}\n`;
    case 'csv':
      return `${FIELDS.join(',')}\n`;
    case 'ndjson':
      return '';
    default:
      return assertNever(format);
  }
}

/** Accesses 0 to end of the batch, some hundred lines at a time. */
export function* dumpLines(
  batch: DumpColumns,
  end: number,
  format: DumpFormat,
  factsOf: InstructionFacts,
  hasSymbols: boolean,
): Generator<string> {
  for (let begin = 0; begin < end; begin += LINES_PER_TEXT) {
    let text = '';
    for (let i = begin; i < Math.min(end, begin + LINES_PER_TEXT); i++) {
      text += drawLine(lineAt(batch, i, factsOf), format, hasSymbols);
    }
    yield text;
  }
}

function lineAt(batch: DumpColumns, i: number, factsOf: InstructionFacts): AccessLine {
  const flags = batch.flags?.[i] ?? 0;
  const cpl = batch.cpl?.[i];
  const block = batch.block?.[i];
  const insn = block === undefined ? undefined : factsOf(block, batch.insn?.[i] ?? 0);
  const hasNoPaddr = (flags & FLAG_PHYS_UNKNOWN) !== 0;
  return {
    ordinal: batch.ordinal?.[i] ?? batch.firstOrdinal + i,
    vcpu: batch.vcpu?.[i],
    icount: countAt(batch.icount, i),
    pc: hexAt(batch.pc, i),
    op: (flags & 1) === 0 ? 'load' : 'store',
    size: batch.size?.[i],
    vaddr: (flags & FLAG_PHYS_ONLY) === 0 ? hexAt(batch.vaddr, i) : undefined,
    paddr: hasNoPaddr ? undefined : hexAt(batch.paddr, i),
    cpl: cpl === CPL_UNKNOWN ? undefined : cpl,
    cr3: hexAt(batch.cr3, i),
    bytes: insn?.bytes,
    symbol: insn?.symbol,
    marks: MARKS.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name),
  };
}

function drawLine(line: AccessLine, format: DumpFormat, hasSymbols: boolean): string {
  switch (format) {
    case 'text':
      return `${textFields(hasSymbols)
        .map((name) => pad(cell(line, name, '-'), name))
        .join(' ')
        .trimEnd()}\n`;
    case 'csv':
      return `${FIELDS.map((name) => cell(line, name, '')).join(',')}\n`;
    case 'ndjson':
      return `${JSON.stringify(line)}\n`;
    default:
      return assertNever(format);
  }
}

/** For people a column without any name is left out; for programs the columns are always the same. */
function textFields(hasSymbols: boolean): readonly (typeof FIELDS)[number][] {
  return hasSymbols ? FIELDS : FIELDS.filter((name) => name !== 'symbol');
}

function cell(line: AccessLine, name: (typeof FIELDS)[number], missing: string): string {
  if (name === 'marks') return line.marks.join(' ');
  return String(line[name] ?? missing);
}

function pad(text: string, name: (typeof FIELDS)[number]): string {
  return text.padStart(WIDTHS[name]);
}

function hexAt(column: BigUint64Array | undefined, i: number): string | undefined {
  const value = column?.[i];
  return value === undefined
    ? undefined
    : formatHex64(Number(value & 0xffff_ffffn), Number(value >> 32n));
}

function countAt(column: BigUint64Array | undefined, i: number): number | undefined {
  const value = column?.[i];
  return value === undefined ? undefined : Number(value);
}
