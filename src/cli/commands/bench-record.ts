// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ExitCode, TraceError, UserError } from '../../base/index.ts';
import {
  chooseQemu,
  type QemuProgram,
  requirePluginFile,
  runUntraced,
} from '../../capture/index.ts';
import { demoBootArguments, prepareDemoGuest } from '../../guests/index.ts';
import { readTraceFacts } from '../../query/index.ts';
import { SAVE_OPTION, saveBenchResult } from '../bench-results.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  findCount,
  findText,
  isOn,
  JSON_OPTION,
  printResult,
  QEMU_OPTION,
} from '../command-spec.ts';
import { withAbort } from '../interrupts.ts';
import { describeMachine } from '../machine.ts';
import { extraBytes } from '../peak-memory.ts';
import { cacheFolder, qemuSearchFrom } from '../qemu-search.ts';
import { renderBenchRecord } from '../render/bench.ts';
import type { BenchRecordResult, Spread } from '../results.ts';
import { recordWatched } from '../watched-recording.ts';

const DEFAULT_RUNS = 5;

export const benchRecordCommand: CommandSpec = {
  details: `Each pair of boots gives one ratio; the median counts. Keep the machine quiet meanwhile. The trace goes to a
temporary folder, each run replacing the last.`,
  options: [
    { flags: '--runs <N>', description: `pairs of boots; default: ${DEFAULT_RUNS}` },
    {
      flags: '--paused',
      description: 'armed but paused: what the recorder costs outside the region of interest',
    },
    {
      flags: '--folder <FOLDER>',
      description: 'where the traces go; default: the temporary folder',
    },
    SAVE_OPTION,
    QEMU_OPTION,
    JSON_OPTION,
  ],
  examples: ['loadstore bench record', 'loadstore bench record --paused --runs 7 --json'],
  run: async (input, context) => {
    const result = await runBenchRecord(input, context);
    await printResult(context, input, result, renderBenchRecord);
    if (isOn(input, 'save')) await saveBenchResult(result, `qemu-${result.qemuVersion}`, context);
    return ExitCode.ok;
  },
};

async function runBenchRecord(
  input: CommandInput,
  context: CliContext,
): Promise<BenchRecordResult> {
  const runCount = findCount(input, 'runs', '--runs') ?? DEFAULT_RUNS;
  if (runCount < 1) throw new TraceError('bad-argument', '--runs is at least 1');
  const paused = isOn(input, 'paused');
  const qemu = await chooseQemu(qemuSearchFrom(input, context));
  const pluginFile = requirePluginFile(context.env['LOADSTORE_PLUGIN']);
  const guest = await prepareDemoGuest({
    cacheFolder: cacheFolder(context),
    qemuPath: qemu.path,
    onProgress: (what) => {
      context.writeErr(`loadstore: ${what}\n`);
    },
  });
  const folder = await mkdtemp(
    path.join(path.resolve(findText(input, 'folder') ?? os.tmpdir()), 'loadstore-bench-'),
  );
  try {
    const guestArguments = demoBootArguments(guest, {
      console: { file: path.join(folder, 'console.txt') },
    });
    const outputFile = path.join(folder, 'boot.memtrace');
    const runs: (BenchRecordResult['runs'][number] & { readonly extraBytes: number | null })[] = [];
    for (let run = 0; run < runCount; run++) {
      const pair = await runPair({ qemu, pluginFile, guestArguments, outputFile, paused }, context);
      runs.push(pair);
      context.writeErr(
        `loadstore: pair ${run + 1} of ${runCount}: ${pair.untracedSeconds.toFixed(2)} s, ${pair.tracedSeconds.toFixed(2)} s, ${pair.slowdown.toFixed(2)}x\n`,
      );
    }
    const trace = await readTraceFacts(outputFile);
    const tracedSeconds = spreadOf(runs.map((run) => run.tracedSeconds));
    const { accesses, instructions } = trace.totals;
    return {
      benchmark: paused ? 'record --paused' : 'record',
      date: new Date().toISOString(),
      machine: describeMachine(),
      qemuVersion: qemu.version.text,
      kernelVersion: guest.kernelVersion,
      runs: runs.map(({ extraBytes: _extra, ...run }) => run),
      slowdown: spreadOf(runs.map((run) => run.slowdown)),
      untracedSeconds: spreadOf(runs.map((run) => run.untracedSeconds)),
      tracedSeconds,
      accessesPerSecond: accesses / tracedSeconds.median,
      bytesPerAccess: trace.bytesPerAccess,
      bytesPerInstruction: instructions === 0 ? null : trace.fileBytes / instructions,
      recorderPeakBytes: highestOf(runs.map((run) => run.extraBytes)),
      totals: trace.totals,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface PairRequest {
  readonly qemu: QemuProgram;
  readonly pluginFile: string;
  readonly guestArguments: readonly string[];
  readonly outputFile: string;
  readonly paused: boolean;
}

async function runPair(
  request: PairRequest,
  context: CliContext,
): Promise<BenchRecordResult['runs'][number] & { readonly extraBytes: number | null }> {
  const { qemu, pluginFile, guestArguments, outputFile, paused } = request;
  const untraced = await withAbort(async (signal) => runUntraced(qemu, guestArguments, signal));
  const { outcome, verdict } = await recordWatched(
    {
      ...{ qemu, pluginFile, guestArguments, outputFile },
      force: true,
      limits: {},
      startPaused: paused,
      events: true,
      terminal: 'none',
    },
    context,
    true,
  );
  if (verdict.cause !== 'guest-exit') {
    throw new UserError(
      verdict.exitCode === ExitCode.ok ? ExitCode.environment : verdict.exitCode,
      `a recorded boot did not run to its end: ${verdict.explanation || verdict.cause}`,
      verdict.remedy,
    );
  }
  return {
    untracedSeconds: untraced.wallSeconds,
    tracedSeconds: outcome.wallSeconds,
    slowdown: outcome.wallSeconds / untraced.wallSeconds,
    waits: outcome.status.waits,
    extraBytes: extraBytes(outcome.peakRssBytes, untraced.peakRssBytes),
  };
}

function highestOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted.length % 2 === 1 ? upper : (sorted[middle - 1] ?? Number.NaN);
  return {
    median: (lower + upper) / 2,
    lowest: sorted[0] ?? Number.NaN,
    highest: sorted.at(-1) ?? Number.NaN,
  };
}
