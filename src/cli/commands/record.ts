// SPDX-License-Identifier: Apache-2.0
import { ExitCode, formatBytes, TraceError, UserError } from '../../base/index.ts';
import { causeOf, chooseQemu, type RecordLimits, requirePluginFile } from '../../capture/index.ts';
import { readTraceFacts } from '../../query/index.ts';
import {
  AUDIT_MEMORY_OPTION,
  type CliContext,
  type CommandInput,
  type CommandSpec,
  findCount,
  findSize,
  findText,
  isOn,
  printResult,
  QEMU_OPTION,
} from '../command-spec.ts';
import { knownBytes } from '../peak-memory.ts';
import { qemuSearchFrom } from '../qemu-search.ts';
import { renderRecord } from '../render/record.ts';
import type { RecordResult } from '../results.ts';
import { recordWatched } from '../watched-recording.ts';

export const recordCommand: CommandSpec = {
  details: `Starts qemu-system-x86_64 with the arguments behind "--" and the recorder. The console stays on this terminal.
Ctrl-C (or SIGTERM) closes the trace and stops QEMU; a second one does not wait for the recorder. With
-nographic the guest has the keyboard, Ctrl-C included, as ever in QEMU: Ctrl-A X ends it and closes the trace,
so does "loadstore ctl FILE stop" elsewhere. SIGUSR1
pauses and resumes recording, as "loadstore ctl" does. Without an accelerator of yours the guest runs with
-accel tcg,thread=single, which has one order of accesses over all vCPUs. Limits are exact then; with
thread=multi each vCPU stops a little later.`,
  options: [
    { flags: '-o, --output <FILE>', description: 'the trace to write; default: trace.memtrace' },
    { flags: '-f, --force', description: 'replace the file if it exists' },
    QEMU_OPTION,
    { flags: '--limit-accesses <N>', description: 'stop after N accesses (10M = 10^7)' },
    { flags: '--limit-instructions <N>', description: 'stop after N instructions' },
    {
      flags: '--limit-bytes <SIZE>',
      description: 'stop before the file is larger than SIZE, at least 1M (4G = 2^32)',
    },
    { flags: '--start-paused', description: 'do not record until resumed' },
    AUDIT_MEMORY_OPTION,
    {
      flags: '--no-events',
      description: 'do not record interrupts and exceptions; leaves -d and -D to you',
    },
    { flags: '-q, --quiet', description: 'no status line, no summary' },
    { flags: '--json', description: 'print the result as JSON; the console then goes to stderr' },
  ],
  examples: [
    'loadstore record -o boot.memtrace -- -m 1G -nographic -kernel bzImage -append console=ttyS0',
    'loadstore record --limit-instructions 100M -- -m 512M -drive file=disk.img,format=raw',
  ],
  exitCodes: [
    '0    the trace is complete: the guest ended, a limit was reached, or "loadstore ctl" stopped it',
    '2    these arguments cannot be recorded, or the file exists',
    '4    QEMU or the recorder failed; a trace that was begun can be read as far as it goes',
    '130  stopped by Ctrl-C or SIGTERM; the trace is complete up to there',
  ],
  run: runRecord,
};

async function runRecord(input: CommandInput, context: CliContext): Promise<ExitCode> {
  const limits = limitsFrom(input);
  const qemu = await chooseQemu(qemuSearchFrom(input, context));
  const json = isOn(input, 'json');
  const { outcome, verdict } = await recordWatched(
    {
      qemu,
      pluginFile: requirePluginFile(context.env['LOADSTORE_PLUGIN']),
      outputFile: findText(input, 'output') ?? 'trace.memtrace',
      force: isOn(input, 'force'),
      guestArguments: input.words,
      limits,
      startPaused: isOn(input, 'startPaused'),
      auditMemory: isOn(input, 'auditMemory'),
      fault: context.env['LOADSTORE_FAULT'],
      events: isOn(input, 'events'),
      terminal: json ? 'guest-on-stderr' : 'guest',
    },
    context,
    isOn(input, 'quiet'),
  );
  const trace = await readTraceFacts(outcome.file);
  const result: RecordResult = {
    cause: causeOf(verdict, trace.cause),
    explanation: verdict.explanation,
    remedy: verdict.remedy,
    wallSeconds: outcome.wallSeconds,
    waits: outcome.status.waits,
    qemu: {
      path: qemu.path,
      version: qemu.version.text,
      exitCode: outcome.qemu.exitCode,
      signal: outcome.qemu.signal,
      peakRssBytes: knownBytes(outcome.peakRssBytes),
    },
    notes: outcome.notes,
    trace,
  };
  if (json || !isOn(input, 'quiet')) await printResult(context, input, result, renderRecord);
  if (verdict.exitCode === ExitCode.environment) {
    throw new UserError(verdict.exitCode, verdict.explanation, verdict.remedy);
  }
  return verdict.exitCode;
}

function limitsFrom(input: CommandInput): RecordLimits {
  const accesses = findCount(input, 'limitAccesses', '--limit-accesses');
  const instructions = findCount(input, 'limitInstructions', '--limit-instructions');
  const bytes = findSize(input, 'limitBytes', '--limit-bytes');
  requireAtLeast(accesses, 1, '--limit-accesses', String);
  requireAtLeast(instructions, 1, '--limit-instructions', String);
  requireAtLeast(bytes, LEAST_LIMIT_BYTES, '--limit-bytes', formatBytes);
  return {
    ...(accesses === undefined ? {} : { accesses }),
    ...(instructions === undefined ? {} : { instructions }),
    ...(bytes === undefined ? {} : { bytes }),
  };
}

/** Below that a trace has hardly room for its header, code and closing sections. */
const LEAST_LIMIT_BYTES = 1024 ** 2;

function requireAtLeast(
  value: number | undefined,
  least: number,
  flag: string,
  format: (value: number) => string,
): void {
  if (value === undefined || value >= least) return;
  throw new TraceError('bad-argument', `${flag} is at least ${format(least)}`, {
    found: format(value),
  });
}
