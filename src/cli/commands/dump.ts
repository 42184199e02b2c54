// SPDX-License-Identifier: Apache-2.0

import { createSelector } from '../../analysis/index.ts';
import { ExitCode, u64FromBigint } from '../../base/index.ts';
import { shapeOfTrace } from '../../engine/index.ts';
import {
  instructionTexts,
  OutputBuffer,
  type Part,
  type RowColumns,
  RowWriter,
  rangesOf,
  rowColumnsOf,
  wideColumns,
} from '../../export/index.ts';
import { openTrace, type Trace } from '../../format/index.ts';
import { codeNames } from '../../query/index.ts';
import { formatSymbolPlace, type GuestSymbols } from '../../symbols/index.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  findCount,
  isOn,
  wordAt,
} from '../command-spec.ts';
import { readGuestSymbols, SYMBOLS_OPTION } from '../guest-symbols.ts';
import { withAbort } from '../interrupts.ts';
import { nameFrom } from '../name-option.ts';
import { dumpHeadline, dumpLines, type InstructionFacts } from '../render/dump.ts';
import { SELECTION_OPTIONS, selectionFrom } from '../selection-options.ts';
import { statusLine } from '../status-line.ts';

const DUMP_FORMATS = ['text', 'ndjson', 'csv'] as const;
type DumpFormat = (typeof DUMP_FORMATS)[number];

export const dumpCommand: CommandSpec = {
  details: `Positions are ordinals, counted from 0 in the order of recording; accesses of instructions that did not
complete have one too and are shown with --aborted only. icount is counted from 0 too: the instructions that the
vCPU had completed before the one that made the access. What the trace does not know of an access is "-" in
text, empty in csv and missing in ndjson. The marks are aborted: the instruction did not complete; device: the
access went to a device, in whole or in part; crosses-page: it goes on in a second page, and paddr is that of
its first byte; physical: it was made with a physical address, there is no virtual one; event-delivery: no
instruction made it, an interrupt or exception was taken at pc; page-walk: the MMU set accessed or dirty bits.
With symbols the function of each instruction is shown. The place of a kernel that randomises its address is found
from the trace. A trace of the demo's kernel needs no --symbols.`,
  options: [
    ...SELECTION_OPTIONS,
    { flags: '--count <N>', description: 'at most so many accesses; default: all' },
    { flags: '--aborted', description: 'also accesses of instructions that did not complete' },
    SYMBOLS_OPTION,
    { flags: '--format <FORMAT>', description: 'text (default), ndjson or csv' },
    { flags: '--json', description: 'the same as --format ndjson' },
  ],
  examples: [
    'loadstore dump boot.memtrace --from 1M --count 20',
    'loadstore dump boot.memtrace --vcpu 0 --format csv | head',
    "loadstore dump boot.memtrace --function 'do_sys_open*' --count 20",
    'loadstore dump x.memtrace --symbols System.map --symbols prog@0x555555554000 --count 20',
  ],
  run: runDump,
};

/** More instructions than a block has (docs/format.md 2). */
const MAX_INSNS = 1024;

async function runDump(input: CommandInput, context: CliContext): Promise<ExitCode> {
  const format = isOn(input, 'json')
    ? 'ndjson'
    : nameFrom(input, 'format', '--format', DUMP_FORMATS);
  const count = findCount(input, 'count', '--count') ?? Number.POSITIVE_INFINITY;
  const trace = await openTrace(wordAt(input, 0));
  try {
    const symbols = await readGuestSymbols(input, context, trace);
    const shape = shapeOfTrace(trace);
    const names = codeNames(trace.code, symbols);
    const selection = await selectionFrom(input, context, { trace, shape, symbols, names });
    const draw = drawerOf(trace, symbols, format);
    await context.writeOut(draw.headline);
    const line = statusLine(context);
    const onProgress = (part: number): void => {
      line.showPart(part, 'looking for accesses');
    };
    let shown = 0;
    try {
      await withAbort(async (signal) => {
        const part = { selection, shape, signal };
        for await (const rows of readRows(trace, part, isOn(input, 'aborted'), onProgress)) {
          const end = Math.min(rows.length, count - shown);
          if (end > 0) line.clear();
          for (const text of draw.lines(rows, end)) await context.writeOut(text);
          shown += end;
          if (shown >= count) break;
        }
      });
    } finally {
      line.clear();
    }
    if (shown === 0 && count > 0) context.writeErr('loadstore: note: nothing is selected\n');
    if (!trace.complete) {
      context.writeErr('loadstore: note: this trace was cut; "loadstore info" says where\n');
    }
    return ExitCode.ok;
  } finally {
    await trace.close();
  }
}

/** What is selected, some at a time. Tells which part of the ranges with something selected is read. */
async function* readRows(
  trace: Trace,
  part: Part,
  includeAborted: boolean,
  onProgress: (part: number) => void,
): AsyncGenerator<RowColumns, void, undefined> {
  const { selection, shape, signal } = part;
  // The reader itself sees to these, and to what did not complete.
  const { ordinals: _ordinals, vcpu, ...others } = selection;
  const selector = createSelector(others, shape, true);
  const ranges = rangesOf(trace, part, false);
  // The last range of a stream has no end of its own.
  const ends = new Map(trace.chunks.map((one) => [one.stream, one.firstOrdinal + one.accessCount]));
  const lengthOf = ({ stream, from, to }: (typeof ranges)[number]): number =>
    Math.min(to, ends.get(stream) ?? to) - from;
  const total = ranges.reduce((sum, range) => sum + lengthOf(range), 0);
  let before = 0;
  for (const range of ranges) {
    const { stream, from, to } = range;
    const batches = trace.accesses({
      ...{ stream, from, to, includeAborted, columns: rowColumnsOf(trace) },
      ...(vcpu === undefined ? {} : { vcpu }),
      ...(signal === undefined ? {} : { signal }),
    });
    for await (const batch of batches) {
      yield { ...selector.select(batch), firstOrdinal: batch.firstOrdinal };
      onProgress((before + batch.endOrdinal - from) / total);
    }
    before += lengthOf(range);
  }
}

interface Drawer {
  /** What comes before the first access. */
  readonly headline: string;
  /** Accesses 0 to end of the batch, some at a time. */
  lines(batch: RowColumns, end: number): Iterable<string>;
}

function drawerOf(
  { code }: Pick<Trace, 'code'>,
  symbols: GuestSymbols,
  format: DumpFormat,
): Drawer {
  if (format === 'text') {
    const hasSymbols = symbols.findings.length > 0;
    const factsOf = instructionFacts(code, symbols);
    return {
      headline: dumpHeadline(hasSymbols),
      lines: (batch, end) => dumpLines(batch, end, factsOf, hasSymbols),
    };
  }
  const out = new OutputBuffer();
  const textOf = instructionTexts(code, format, (block, lo, hi) => {
    const place = symbols.findCode(block, lo, hi);
    return place === undefined ? undefined : formatSymbolPlace(place);
  });
  const rows = new RowWriter(out, format, textOf);
  const take = (): string => Buffer.from(out.take().buffer).toString('utf8');
  rows.headline();
  return {
    headline: take(),
    lines: function* (batch, end) {
      const wide = wideColumns(batch);
      for (let i = 0; i < end; i++) {
        rows.row(batch, wide, i);
        if (out.isDue || i === end - 1) yield take();
      }
    },
  };
}

function instructionFacts(code: Trace['code'], symbols: GuestSymbols): InstructionFacts {
  // As large as the part of the code table that is shown.
  const known = new Map<number, { readonly bytes: string; readonly symbol: string | undefined }>();
  return (block, insn) => {
    const key = block * MAX_INSNS + insn;
    let facts = known.get(key);
    if (facts === undefined) {
      const offsets = code.insnOffsets(block); // none: no instruction made the access
      const bytes = code.bytes(block).subarray(offsets[insn], offsets[insn + 1]);
      const pc = u64FromBigint(BigInt.asUintN(64, code.vaddr(block) + BigInt(offsets[insn] ?? 0)));
      const place = offsets.length === 0 ? undefined : symbols.findCode(block, pc.lo, pc.hi);
      facts = {
        bytes: Buffer.from(bytes).toString('hex'),
        symbol: place === undefined ? undefined : formatSymbolPlace(place),
      };
      known.set(key, facts);
    }
    return facts;
  };
}
