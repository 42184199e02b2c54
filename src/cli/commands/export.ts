// SPDX-License-Identifier: Apache-2.0
import { ExitCode, TraceError, UserError } from '../../base/index.ts';
import { isStandardOutput } from '../../capture/index.ts';
import { shapeOfTrace } from '../../engine/index.ts';
import {
  EXPORT_FORMATS,
  type ExportCounts,
  type ExportFormat,
  type ExportOptions,
  exportTrace,
  type FormatDescription,
  type NameCode,
} from '../../export/index.ts';
import { openTrace, type Trace } from '../../format/index.ts';
import { codeNames } from '../../query/index.ts';
import { formatSymbolPlace, type GuestSymbols } from '../../symbols/index.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  findText,
  isOn,
  JSON_OPTION,
  printResult,
  wordAt,
} from '../command-spec.ts';
import { databaseNames } from '../database-names.ts';
import {
  claimOutput,
  type OutputClaim,
  openExportOutput,
  requireOutput,
} from '../export-output.ts';
import { readGuestSymbols, SYMBOLS_OPTION } from '../guest-symbols.ts';
import { inputFiles } from '../input-files.ts';
import { withAbort } from '../interrupts.ts';
import { exportParquet, PARQUET_FORMAT } from '../parquet-export.ts';
import { renderExport } from '../render/export.ts';
import {
  CHOICE_OPTIONS,
  COUNT_OPTION,
  FROM_OPTION,
  selectionFrom,
  withChoice,
} from '../selection-options.ts';
import { statusLine } from '../status-line.ts';

const FORMATS: readonly (ExportFormat | FormatDescription)[] = [...EXPORT_FORMATS, PARQUET_FORMAT];
const FORMAT_NAMES = FORMATS.map(({ name }) => name).join(', ');

export const exportCommand: CommandSpec = {
  details: `The formats: ${FORMAT_NAMES}. What each keeps and loses, and how the other tool
reads it, is in docs/exports.md. What a format has no place for is left out, counted and reported. An output whose
name ends in .gz or .xz is compressed. Until it is whole the output is called OUT.partial, which may exist as little as
OUT itself. Formats that are a file go to standard output with -o -, and to FIFOs and devices, byte after byte: nothing is
replaced, --force is not asked for, and what was written stays when the rest fails. With -o - the result, also with --json, goes to
standard error. The options that choose are those of the analyses, but for --to, which is --until here. Formats of
instructions (drmemtrace, champsim, lackey, din) have whole block executions: those that begin in the part and whose
first instruction is chosen, and no --address or --physical-address. csv, ndjson and parquet have the names of functions, when symbols are known.`,
  options: [
    { flags: '--to <FORMAT>', description: 'the format; must be given' },
    { flags: '-o, --output <OUT>', description: 'what to write; must be given' },
    { flags: '-f, --force', description: 'replace the output, and OUT.partial, if they exist' },
    FROM_OPTION,
    { flags: '--until <N>', description: 'up to this ordinal, or icount:N; half open' },
    COUNT_OPTION,
    ...CHOICE_OPTIONS,
    SYMBOLS_OPTION,
    JSON_OPTION,
  ],
  examples: [
    'loadstore export boot.memtrace --to drmemtrace -o boot.drmemtrace',
    'loadstore export boot.memtrace --to champsim --from 100M --count 50M -o boot.champsim.xz',
    'loadstore export boot.memtrace --to din -o - | dineroIV -informat d -l1-dsize 32k -l1-dbsize 64',
    'loadstore export boot.memtrace --to parquet --cpl 3 --from icount:1G -o user.parquet',
  ],
  exitCodes: [
    '0    the output is whole',
    '2    no such format, the output exists, or the selection has nothing to export',
    '3    the trace is damaged, or lacks what the format needs',
    '4    the output cannot be written, for want of room, permission or a reader',
    '130  interrupted; there is no output, but for what a FIFO, device or standard output has taken',
  ],
  run: runExport,
};

async function runExport(input: CommandInput, context: CliContext): Promise<ExitCode> {
  const format = requireFormat(findText(input, 'to'));
  const name = findText(input, 'output');
  if (name === undefined) {
    throw new UserError(ExitCode.usage, 'there is no output', 'name one: -o OUT');
  }
  const trace = await openTrace(wordAt(input, 0));
  try {
    const isFolder = format.output !== 'file';
    const claim = {
      ...{ name, isFolder, option: '-o OUT', force: isOn(input, 'force') },
      inputs: inputFiles(input),
    };
    requireOutput(claim);
    const shape = shapeOfTrace(trace);
    const symbols = await readGuestSymbols(input, context, trace);
    const names = codeNames(trace.code, symbols);
    const subject = { trace, shape, symbols, names, end: 'until' } as const;
    const selection = await selectionFrom(input, context, subject);
    const written = await watched(context, format.name, async (run) =>
      'makeWriter' in format
        ? writeParts(
            trace,
            format,
            { selection, shape, nameCode: nameCode(symbols), ...run },
            claim,
            context,
          )
        : exportParquet(
            { trace, shape, selection, names: databaseNames(trace.code, symbols) },
            await claimOutput(claim),
            { signal: run.signal, onProgress: (part) => run.onProgress(part, 1) },
          ),
    ).catch((error: unknown) => {
      throw withChoice(error, input, 'until');
    });
    // The bytes have standard output to themselves.
    const writeOut = async (text: string): Promise<void> => Promise.resolve(context.writeErr(text));
    await printResult(
      isStandardOutput(name) ? { ...context, writeOut } : context,
      input,
      { format: format.name, output: name, ...written },
      renderExport,
    );
    for (const need of format.needs) {
      const { status, why } = trace.capabilities[need];
      if (status === 'partial') context.writeErr(`loadstore: note: ${need} in part: ${why}\n`);
    }
    if (!trace.complete) {
      context.writeErr('loadstore: note: this trace was cut; "loadstore info" says where\n');
    }
    return ExitCode.ok;
  } finally {
    await trace.close();
  }
}

type Watch = Required<Pick<ExportOptions, 'signal' | 'onProgress'>>;

/** Work that can be interrupted and shows how far it is. */
async function watched<T>(
  context: CliContext,
  format: string,
  work: (watch: Watch) => Promise<T>,
): Promise<T> {
  const line = statusLine(context);
  try {
    return await withAbort(async (signal) =>
      work({
        signal,
        onProgress: (done, total) => {
          line.showPart(done / total, `exporting to ${format}`);
        },
      }),
    );
  } finally {
    line.clear();
  }
}

async function writeParts(
  trace: Trace,
  format: ExportFormat,
  options: ExportOptions & Watch,
  claim: OutputClaim,
  context: CliContext,
): Promise<ExportCounts & { readonly bytes: number }> {
  const output = await openExportOutput(claim, context, options.signal);
  try {
    const parts = exportTrace(trace, format, options);
    let step = await parts.next();
    for (; step.done !== true; step = await parts.next()) {
      await output.write(step.value);
      options.signal.throwIfAborted();
    }
    return { ...step.value, bytes: await output.keep() };
  } catch (error) {
    await output.discard();
    throw error;
  }
}

function nameCode(symbols: GuestSymbols): NameCode {
  return (block, lo, hi) => {
    const place = symbols.findCode(block, lo, hi);
    return place === undefined ? undefined : formatSymbolPlace(place);
  };
}

function requireFormat(word: string | undefined): ExportFormat | FormatDescription {
  if (word === undefined) {
    throw new UserError(ExitCode.usage, 'there is no format', `choose one: --to ${FORMAT_NAMES}`);
  }
  const format = FORMATS.find(({ name }) => name === word);
  if (format !== undefined) return format;
  throw new TraceError('bad-argument', '--to: there is no such format', {
    expected: FORMAT_NAMES,
    found: word,
    remedy: /^(?:icount:)?\d/.test(word)
      ? '--to names the format here; --until says where the part ends'
      : 'one of those, such as --to csv; docs/exports.md says what each keeps and who reads it',
  });
}
