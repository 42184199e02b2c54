// SPDX-License-Identifier: Apache-2.0
// Accesses as lines of text, for reading. For programs there are the rows of src/export.

import { formatHex64, halves } from '../../base/index.ts';
import { ROW_FIELDS, ROW_MARKS, type RowColumns, type RowField } from '../../export/index.ts';
import { AccessFlag } from '../../format/index.ts';

const WIDTHS: Readonly<Record<RowField, number>> = {
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

/** What is known of instruction `insn` of a block of the code table: its bytes in hex, its function. */
export type InstructionFacts = (
  block: number,
  insn: number,
) => { readonly bytes: string; readonly symbol: string | undefined };

/** What comes before the first line. A column of functions without any name is left out. */
export function dumpHeadline(hasSymbols: boolean): string {
  return drawLine(ROW_FIELDS, hasSymbols);
}

/** Accesses 0 to end of the batch, some hundred lines at a time. */
export function* dumpLines(
  batch: RowColumns,
  end: number,
  factsOf: InstructionFacts,
  hasSymbols: boolean,
): Generator<string> {
  for (let begin = 0; begin < end; begin += LINES_PER_TEXT) {
    let text = '';
    for (let i = begin; i < Math.min(end, begin + LINES_PER_TEXT); i++) {
      text += drawLine(cellsAt(batch, i, factsOf), hasSymbols);
    }
    yield text;
  }
}

/** In the order of ROW_FIELDS. */
function cellsAt(batch: RowColumns, i: number, factsOf: InstructionFacts): readonly string[] {
  const flags = batch.flags?.[i] ?? 0;
  const cpl = batch.cpl?.[i];
  const block = batch.block?.[i];
  const facts = block === undefined ? undefined : factsOf(block, batch.insn?.[i] ?? 0);
  const isPhysical = (flags & AccessFlag.physicalOnly) !== 0;
  const hasNoPaddr = (flags & AccessFlag.paddrUnknown) !== 0;
  return [
    countAt(batch.ordinal?.[i] ?? batch.firstOrdinal + i),
    countAt(batch.vcpu?.[i]),
    countAt(batch.icount?.[i]),
    hexAt(batch.pc, i),
    (flags & AccessFlag.store) === 0 ? 'load' : 'store',
    countAt(batch.size?.[i]),
    isPhysical ? MISSING : hexAt(batch.vaddr, i),
    hasNoPaddr ? MISSING : hexAt(batch.paddr, i),
    countAt(cpl === CPL_UNKNOWN ? undefined : cpl),
    hexAt(batch.cr3, i),
    facts?.bytes ?? MISSING,
    facts?.symbol ?? MISSING,
    ROW_MARKS.filter(([bit]) => (flags & bit) !== 0)
      .map(([, name]) => name)
      .join(' '),
  ];
}

const MISSING = '-';

function drawLine(cells: readonly string[], hasSymbols: boolean): string {
  const padded = ROW_FIELDS.flatMap((name, at) =>
    name === 'symbol' && !hasSymbols ? [] : [(cells[at] ?? MISSING).padStart(WIDTHS[name])],
  );
  return `${padded.join(' ').trimEnd()}\n`;
}

function hexAt(column: BigUint64Array | undefined, i: number): string {
  if (column === undefined) return MISSING;
  const words = halves(column);
  return formatHex64(words[2 * i] ?? 0, words[2 * i + 1] ?? 0);
}

function countAt(value: number | bigint | undefined): string {
  return value === undefined ? MISSING : String(value);
}
