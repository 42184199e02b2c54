// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { ExitCode, partialOf, UserError } from '../../base/index.ts';
import {
  chooseQemu,
  isAtLeast,
  requireFreeOutput,
  requirePluginFile,
  runUntraced,
  scratchParent,
} from '../../capture/index.ts';
import {
  DEMO_DONE_LINE,
  DEMO_INITRAMFS,
  demoBootArguments,
  prepareDemoGuest,
} from '../../guests/index.ts';
import { type HotFigures, readTraceFacts, type TraceFacts } from '../../query/index.ts';
import { withAnalysis } from '../analysis-run.ts';
import {
  AUDIT_MEMORY_OPTION,
  type CliContext,
  type CommandInput,
  type CommandSpec,
  findText,
  isOn,
  JSON_OPTION,
  printResult,
  QEMU_OPTION,
} from '../command-spec.ts';
import { type OutputClaim, requireReplaceable } from '../export-output.ts';
import { withAbort } from '../interrupts.ts';
import { extraBytes } from '../peak-memory.ts';
import { cacheFolder, qemuSearchFrom } from '../qemu-search.ts';
import { renderDemo } from '../render/demo.ts';
import { isReportPage, makeReport, writePage } from '../report-file.ts';
import type { DemoResult } from '../results.ts';
import { recordWatched } from '../watched-recording.ts';

const DEFAULT_OUTPUT = 'boot.memtrace';
const DEFAULT_PAGE = 'report.html';

export const demoCommand: CommandSpec = {
  details: `Boots Debian's cloud kernel with a small busybox system twice, without and with the recorder, from the firmware's
first instruction to power-off, and writes a page about it beside the trace: report.html, or with -o one with the trace's
name (a.html for a.memtrace). A trace that an earlier demo left under the default name is replaced, and so is its page.
"npm run demo" does the set-up first. With --audit-memory the firmware reads the kernel byte by byte, so that no
device writes to memory, and the boot takes longer; QEMU 11 and newer cannot do without.`,
  options: [
    { flags: '-o, --output <FILE>', description: 'the trace to write; default: boot.memtrace' },
    { flags: '-f, --force', description: 'replace the file if it exists' },
    QEMU_OPTION,
    AUDIT_MEMORY_OPTION,
    JSON_OPTION,
  ],
  examples: ['loadstore demo', 'loadstore demo -o /tmp/boot.memtrace --force --json'],
  run: async (input, context) => {
    const result = await runDemo(input, context);
    await printResult(context, input, result, (demo) => renderDemo(demo, context.program));
    return ExitCode.ok;
  },
};

async function runDemo(input: CommandInput, context: CliContext): Promise<DemoResult> {
  const qemu = await chooseQemu(qemuSearchFrom(input, context));
  const pluginFile = requirePluginFile(context.env['LOADSTORE_PLUGIN']);
  const say = (what: string): void => {
    context.writeErr(`loadstore: ${what}\n`);
  };
  const output = await chooseOutput(input, say);
  const page = await choosePage(input, output);
  const folder = await mkdtemp(path.join(scratchParent(), 'loadstore-demo-'));
  try {
    const consoleFile = path.join(folder, 'console.txt');
    const auditMemory = isOn(input, 'auditMemory');
    const bootOptions = {
      console: { file: consoleFile },
      firmwareDma: !auditMemory || isAtLeast(qemu.version, 11),
    };
    const { guest, untraced } = await withAbort(async (signal) => {
      const request = { cacheFolder: cacheFolder(context), qemuPath: qemu.path, signal };
      const prepared = await prepareDemoGuest({ ...request, onProgress: say });
      say(`booting Linux ${prepared.kernelVersion} in QEMU ${qemu.version.text}, untraced`);
      const args = demoBootArguments(prepared, bootOptions);
      return { guest: prepared, untraced: await runUntraced(qemu, args, signal) };
    });
    await requireDone(consoleFile);
    say(`untraced: ${untraced.wallSeconds.toFixed(2)} s; booting again, recording`);
    await rm(consoleFile);
    const { outcome, verdict } = await recordWatched(
      {
        qemu,
        pluginFile,
        ...output,
        guestArguments: demoBootArguments(guest, bootOptions),
        limits: {},
        startPaused: false,
        auditMemory,
        fault: context.env['LOADSTORE_FAULT'],
        events: true,
        terminal: 'none',
      },
      context,
      false,
    );
    if (verdict.cause !== 'guest-exit') {
      throw new UserError(
        verdict.exitCode === ExitCode.ok ? ExitCode.environment : verdict.exitCode,
        `the recorded boot did not run to its end: ${verdict.explanation || verdict.cause}`,
        verdict.remedy,
      );
    }
    await requireDone(consoleFile);
    say(`recorded: ${outcome.wallSeconds.toFixed(2)} s; reading the trace`);
    const read = await reportOn(outcome.file, page, input, context);
    return {
      kernelVersion: guest.kernelVersion,
      qemu: { path: qemu.path, version: qemu.version.text },
      untracedSeconds: untraced.wallSeconds,
      tracedSeconds: outcome.wallSeconds,
      slowdown: outcome.wallSeconds / untraced.wallSeconds,
      recorderPeakBytes: extraBytes(outcome.peakRssBytes, untraced.peakRssBytes),
      ...read,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface DemoOutput {
  readonly outputFile: string;
  readonly force: boolean;
}

/** Looked at before anything boots. A trace that an earlier demo left under the default name is replaced. */
async function chooseOutput(input: CommandInput, say: (what: string) => void): Promise<DemoOutput> {
  const named = findText(input, 'output');
  const outputFile = named ?? DEFAULT_OUTPUT;
  let force = isOn(input, 'force');
  if (!force && named === undefined && (await isDemoTrace(outputFile))) {
    say(`replacing ${outputFile} of an earlier demo`);
    force = true;
  }
  requireFreeOutput(outputFile, force);
  return { outputFile, force };
}

async function isDemoTrace(file: string): Promise<boolean> {
  try {
    const { recorder } = await readTraceFacts(file);
    return recorder.images.some((image) => image.path.endsWith(DEMO_INITRAMFS));
  } catch {
    // Not there, or not a trace: not to be replaced.
    return false;
  }
}

/** A page under the default name that an earlier demo left is replaced, as its trace is; any other only with --force. */
async function choosePage(
  input: CommandInput,
  { outputFile, force }: DemoOutput,
): Promise<OutputClaim> {
  const isNamed = findText(input, 'output') !== undefined;
  const name = path.resolve(
    isNamed
      ? `${outputFile.replace(/\.memtrace$/, '')}.html`
      : path.join(path.dirname(outputFile), DEFAULT_PAGE),
  );
  const claim = { name, isFolder: false, option: '-o FILE', force, inputs: [outputFile] };
  if (isNamed || !(await isReportPage(name))) {
    requireReplaceable(claim);
    return claim;
  }
  // What is being written there is not known to be a demo's.
  requireFreeOutput(partialOf(name), force);
  return { ...claim, force: true };
}

async function reportOn(
  file: string,
  page: OutputClaim,
  input: CommandInput,
  context: CliContext,
): Promise<{ trace: TraceFacts; hot: HotFigures; report: string }> {
  return withAnalysis(
    input,
    context,
    async (analysis) => {
      const report = await makeReport(input, context, analysis, false);
      await writePage(report, page, context);
      return { trace: report.result.facts, hot: report.result.hot, report: page.name };
    },
    file,
  );
}

/** The guest's own word that all its work ran. */
async function requireDone(consoleFile: string): Promise<void> {
  const text = await readFile(consoleFile, 'latin1');
  if (text.includes(DEMO_DONE_LINE)) return;
  const tail = text.trim().split('\n').slice(-6).join('\n  ');
  throw new UserError(
    ExitCode.environment,
    `the guest did not get through its work; its console ends:\n  ${tail}`,
  );
}
