// SPDX-License-Identifier: Apache-2.0
// One recording from start to end: starts QEMU with the plugin, watches the control page, stops both in
// order, tidies up. Says nothing to the user; the caller gets status, notes and an outcome.

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { assertNever } from '../base/index.ts';
import { buildCommandLine, type RecordLimits } from './command-line.ts';
import { type ControlPage, createControlPage, type RecorderStatus } from './control-page.ts';
import type { QemuProgram } from './find-qemu.ts';
import { type ClaimedOutput, claimOutputFile } from './output-file.ts';
import { digestImages, PRODUCER, type Provenance } from './provenance.ts';
import { inspectQemuArguments } from './qemu-arguments.ts';
import {
  openRunFolder,
  realPathOf,
  removeRunEntry,
  scratchParent,
  sweepRunEntries,
  writeRunEntry,
} from './run-folder.ts';
import { type StopStep, stopSequence } from './stop-sequence.ts';
import { rememberTerminalMode } from './terminal-mode.ts';

export interface RecordRequest {
  readonly qemu: QemuProgram;
  readonly pluginFile: string;
  readonly outputFile: string;
  /** Replace an existing file. */
  readonly force: boolean;
  readonly guestArguments: readonly string[];
  readonly limits: RecordLimits;
  readonly startPaused: boolean;
  /** Compare guest RAM with the stores that were seen, at marks and at the end. Slow. */
  readonly auditMemory?: boolean;
  /** A deliberate fault for tests, KIND:N (CONTRIBUTING.md); the trace says that it has it. */
  readonly fault?: string | undefined;
  /** Record interrupts and exceptions, which takes QEMU's log. */
  readonly events: boolean;
  /** What the guest has of this process: input and output, input with output on stderr, or neither. */
  readonly terminal: 'guest' | 'guest-on-stderr' | 'none';
  readonly onStatus?: (status: RecorderStatus) => void;
  /** What QEMU writes to stderr, as it comes. */
  readonly onQemuText?: (text: string) => void;
}

export interface RecordOutcome {
  readonly file: string;
  /** The plugin closed the trace. */
  readonly closed: boolean;
  readonly status: RecorderStatus;
  readonly qemu: {
    readonly pid: number;
    readonly exitCode: number | null;
    readonly signal: NodeJS.Signals | null;
    /** The last it wrote to stderr. */
    readonly said: string;
  };
  /** From the start of QEMU's process to its end. */
  readonly wallSeconds: number;
  /** Peak resident memory of QEMU with the plugin in it; 0 when unknown. */
  readonly peakRssBytes: number;
  readonly stopRequested: boolean;
  readonly command: readonly string[];
  readonly notes: readonly string[];
}

export interface Recording {
  readonly pid: number;
  readonly notes: readonly string[];
  readonly usesTerminal: boolean;
  /** Asks for the end; a second request is firmer, a third kills. */
  stop(): void;
  pauseOrResume(): void;
  /** Settles when QEMU has ended. Rejects when it could not be started; the output is then discarded. */
  readonly ended: Promise<RecordOutcome>;
  /** When it has ended and the trace is worth its name: the file that it replaces goes. */
  readonly keepOutput: () => void;
  /** When it has ended and there is no trace to speak of: the file goes, the one it replaces comes back. */
  readonly discardOutput: () => void;
}

const WATCH_INTERVAL_MS = 200;
const SAID_LIMIT = 8192;
/** QEMU's word on the signal with which the plugin or this launcher ends it: no news to the user. */
const SIGNAL_FAREWELL = /^.*: terminating on signal \d+(?: from pid .*)?\n/gm;

/**
 * Starts QEMU. Throws UserError for arguments that cannot be recorded, an output that is not free and a
 * machine that refuses.
 */
export async function startRecording(request: RecordRequest): Promise<Recording> {
  const { qemu } = request;
  const runFolder = openRunFolder(process.env);
  sweepRunEntries(runFolder);
  const images = await digestImages(inspectQemuArguments(request.guestArguments).imageFiles);
  const scratchFolder = mkdtempSync(path.join(scratchParent(), 'loadstore-'));
  // The page's name holds the scratch folder's random part: one launcher may record several times.
  const controlFile = path.join(runFolder, `${path.basename(scratchFolder)}.control`);
  let output: ClaimedOutput | undefined;
  let page: ControlPage | undefined;
  let restoreTerminal = (): void => undefined;
  let child: ChildProcess | undefined;
  try {
    const metaFile = path.join(scratchFolder, 'recorder.json');
    const line = buildCommandLine({
      version: qemu.version,
      logsTraces: qemu.logsTraces,
      guestArguments: request.guestArguments,
      pluginFile: request.pluginFile,
      outputFile: path.resolve(request.outputFile),
      metaFile,
      controlFile,
      eventLogFile: request.events ? path.join(scratchFolder, 'events.log') : undefined,
      limits: request.limits,
      startPaused: request.startPaused,
      auditMemory: request.auditMemory ?? false,
      fault: request.fault,
    });
    output = claimOutputFile(request.outputFile, request.force);
    const { file: outputFile, keep: keepOutput, discard: discardOutput } = output;
    const command = [qemu.path, ...line.args];
    const startedAt = new Date().toISOString();
    const provenance: Provenance = {
      producer: PRODUCER,
      startedAt,
      qemu: { path: qemu.path, version: qemu.version.text },
      command,
      images,
    };
    writeFileSync(metaFile, JSON.stringify(provenance), { mode: 0o600 });
    const control = createControlPage(controlFile, request.startPaused ? 'pause' : 'run');
    page = control;

    if (request.terminal !== 'none') restoreTerminal = rememberTerminalMode();
    const startedMs = performance.now();
    child = spawn(qemu.path, line.args, {
      stdio: stdioFor(request.terminal),
      env: { ...process.env, LOADSTORE_PLUGIN_API: String(qemu.pluginApi) },
    });
    const qemuPid = child.pid ?? 0;
    if (qemuPid !== 0) {
      writeRunEntry(runFolder, {
        launcherPid: process.pid,
        qemuPid,
        traceFile: realPathOf(outputFile),
        controlFile,
        scratchFolder,
        startedAt,
      });
    }
    const watch = watchQemu(child, control, request);
    const ended = watch.ended
      .then(
        ({ exitCode, signal }): RecordOutcome => ({
          file: outputFile,
          closed: control.readStatus().state === 'closed',
          status: control.readStatus(),
          qemu: { pid: qemuPid, exitCode, signal, said: watch.said() },
          wallSeconds: (performance.now() - startedMs) / 1000,
          peakRssBytes: watch.peakRssBytes(),
          stopRequested: watch.stopRequested(),
          command,
          notes: line.notes,
        }),
      )
      .finally(() => {
        if (qemuPid === 0) discardOutput();
        restoreTerminal();
        control.close();
        tidyUp(scratchFolder, controlFile);
        removeRunEntry(runFolder, qemuPid);
      });
    return {
      pid: qemuPid,
      notes: line.notes,
      usesTerminal: line.usesTerminal,
      stop: () => {
        watch.stop();
      },
      pauseOrResume: () => {
        const { state } = control.readStatus();
        if (state === 'recording') control.sendCommand('pause');
        else if (state === 'paused') control.sendCommand('run');
      },
      ended,
      keepOutput,
      discardOutput,
    };
  } catch (error) {
    if (child !== undefined) await killUnwatched(child);
    restoreTerminal();
    page?.close();
    output?.discard();
    tidyUp(scratchFolder, controlFile);
    if (child?.pid !== undefined) removeRunEntry(runFolder, child.pid);
    throw error;
  }
}

/** Ends a QEMU of which nobody will hear, and waits until it cannot write any more. */
async function killUnwatched(child: ChildProcess): Promise<void> {
  child.on('error', () => undefined);
  if (child.pid === undefined) return;
  // Not 'close', which comes only when someone reads what it said.
  const hasEnded = once(child, 'exit');
  child.kill('SIGKILL');
  await hasEnded;
}

function stdioFor(terminal: RecordRequest['terminal']): StdioOptions {
  switch (terminal) {
    case 'guest':
      return ['inherit', 'inherit', 'pipe'];
    case 'guest-on-stderr':
      return ['inherit', process.stderr, 'pipe'];
    case 'none':
      return ['ignore', 'ignore', 'pipe'];
    default:
      return assertNever(terminal);
  }
}

function tidyUp(scratchFolder: string, controlFile: string): void {
  rmSync(scratchFolder, { recursive: true, force: true });
  rmSync(controlFile, { force: true });
}

interface Watch {
  readonly ended: Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>;
  stop(): void;
  stopRequested(): boolean;
  said(): string;
  peakRssBytes(): number;
}

function watchQemu(child: ChildProcess, page: ControlPage, request: RecordRequest): Watch {
  const sequence = stopSequence();
  let said = '';
  let peakRssBytes = 0;
  child.stderr?.setEncoding('utf8');
  let begun = '';
  const hear = (text: string): void => {
    if (text === '') return;
    said = (said + text).slice(-SAID_LIMIT);
    request.onQemuText?.(text);
  };
  child.stderr?.on('data', (piece: string) => {
    // Whole lines, so that a line is known before it is passed on.
    const end = piece.lastIndexOf('\n') + 1;
    const lines = end === 0 ? '' : (begun + piece.slice(0, end)).replace(SIGNAL_FAREWELL, '');
    begun = end === 0 ? begun + piece : piece.slice(end);
    hear(lines);
  });
  child.stderr?.once('end', () => {
    hear(begun);
  });

  const take = (step: StopStep | undefined): void => {
    if (step === 'sigterm') child.kill('SIGTERM');
    else if (step === 'sigkill') child.kill('SIGKILL');
  };
  const look = (): void => {
    const status = page.readStatus();
    peakRssBytes = Math.max(peakRssBytes, readPeakRssBytes(child.pid ?? 0));
    take(sequence.next(performance.now(), status));
    request.onStatus?.(status);
  };
  const timer = setInterval(look, WATCH_INTERVAL_MS);
  const ended = new Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>(
    (resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode, signal) => {
        resolve({ exitCode, signal });
      });
    },
  ).finally(() => {
    clearInterval(timer);
  });
  return {
    ended,
    stop: () => {
      page.sendCommand('stop');
      take(sequence.request(performance.now()));
    },
    stopRequested: () => sequence.requested,
    said: () => said,
    peakRssBytes: () => peakRssBytes,
  };
}

/** The kernel's own high-water mark, so that looking now and then misses nothing but the very end. */
export function readPeakRssBytes(pid: number): number {
  try {
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return match === null ? 0 : Number(match[1]) * 1024;
  } catch {
    return 0;
  }
}
