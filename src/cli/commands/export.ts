// SPDX-License-Identifier: Apache-2.0
import { ExitCode, TraceError, UserError } from '../../base/index.ts';
import {
  EXPORT_FORMATS,
  type ExportCounts,
  type ExportFormat,
  exportTrace,
} from '../../export/index.ts';
import { openTrace, type Trace } from '../../format/index.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  findCount,
  findText,
  isOn,
  JSON_OPTION,
  printResult,
  wordAt,
} from '../command-spec.ts';
import { openExportOutput } from '../export-output.ts';
import { withAbort } from '../interrupts.ts';
import { renderExport } from '../render/export.ts';
import { drawBar, statusLine } from '../status-line.ts';

export const exportCommand: CommandSpec = {
  name: 'export',
  summary: 'write a trace in the format of another tool',
  details: `The formats: ${EXPORT_FORMATS.map(({ name }) => name).join(', ')}. What each keeps and loses, and how the other tool
reads it, is in docs/exports.md. What a format has no place for is left out, counted and reported. An output whose
name ends in .gz or .xz is compressed. Until it is whole the output is called OUT.partial.`,
  arguments: [{ name: 'file', description: 'a trace', required: true }],
  options: [
    { flags: '--to <FORMAT>', description: 'the format; must be given' },
    { flags: '-o, --output <OUT>', description: 'what to write; must be given' },
    { flags: '-f, --force', description: 'replace the output if it exists' },
    { flags: '--from <N>', description: 'first ordinal of an access; default: 0' },
    { flags: '--count <N>', description: 'at most so many accesses from there; default: all' },
    { flags: '--vcpu <N>', description: 'this vCPU only' },
    JSON_OPTION,
  ],
  examples: [
    'loadstore export boot.memtrace --to drmemtrace -o boot.drmemtrace',
    'loadstore export boot.memtrace --to champsim --from 100M --count 50M -o boot.champsim.xz',
  ],
  exitCodes: [
    '0    the output is whole',
    '2    no such format, the output exists, or the selection has nothing to export',
    '3    the trace is damaged, or lacks what the format needs',
    '4    the output cannot be written, for want of room or permission',
    '130  interrupted; there is no output',
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
    const output = await openExportOutput(name, format.output === 'folder', isOn(input, 'force'));
    const written = await withAbort(async (signal) =>
      writeParts(trace, format, input, context, signal, output),
    );
    await printResult(
      context,
      input,
      { format: format.name, output: name, ...written },
      renderExport,
    );
    if (!trace.complete) {
      context.writeErr('loadstore: note: this trace was cut; "loadstore info" says where\n');
    }
    return ExitCode.ok;
  } finally {
    await trace.close();
  }
}

async function writeParts(
  trace: Trace,
  format: ExportFormat,
  input: CommandInput,
  context: CliContext,
  signal: AbortSignal,
  output: Awaited<ReturnType<typeof openExportOutput>>,
): Promise<ExportCounts & { readonly bytes: number }> {
  const line = statusLine(context);
  try {
    const parts = exportTrace(trace, format, {
      ...selectionFrom(input),
      signal,
      onProgress: (done, total) => {
        line.show(drawBar(done / total, `exporting to ${format.name}`));
      },
    });
    let step = await parts.next();
    for (; step.done !== true; step = await parts.next()) {
      await output.write(step.value);
      signal.throwIfAborted();
    }
    return { ...step.value, bytes: await output.keep() };
  } catch (error) {
    await output.discard();
    throw error;
  } finally {
    line.clear();
  }
}

function selectionFrom(input: CommandInput): {
  readonly from: number;
  readonly to?: number;
  readonly vcpu?: number;
} {
  const from = findCount(input, 'from', '--from') ?? 0;
  const count = findCount(input, 'count', '--count');
  const vcpu = findCount(input, 'vcpu', '--vcpu');
  return {
    from,
    ...(count === undefined ? {} : { to: from + count }),
    ...(vcpu === undefined ? {} : { vcpu }),
  };
}

function requireFormat(word: string | undefined): ExportFormat {
  const names = EXPORT_FORMATS.map(({ name }) => name).join(', ');
  if (word === undefined) {
    throw new UserError(ExitCode.usage, 'there is no format', `choose one: --to ${names}`);
  }
  const format = EXPORT_FORMATS.find(({ name }) => name === word);
  if (format !== undefined) return format;
  throw new TraceError('bad-argument', '--to: there is no such format', {
    expected: names,
    found: word,
  });
}
