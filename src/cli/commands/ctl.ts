// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { ExitCode, UserError } from '../../base/index.ts';
import {
  type ControlCommand,
  type ControlPage,
  isAlive,
  listRunEntries,
  openControlPage,
  openRunFolder,
  type RecorderState,
  type RunEntry,
  requireRunEntry,
  sweepRunEntries,
} from '../../capture/index.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  JSON_OPTION,
  printResult,
  wordAt,
} from '../command-spec.ts';
import { renderCtl } from '../render/ctl.ts';
import type { CtlResult } from '../results.ts';

type Verb = 'status' | 'pause' | 'resume' | 'stop';
const VERBS: readonly Verb[] = ['status', 'pause', 'resume', 'stop'];
const COMMAND_OF: Readonly<Record<Verb, ControlCommand | undefined>> = {
  status: undefined,
  pause: 'pause',
  resume: 'run',
  stop: 'stop',
};
const WANTED: Readonly<Record<Verb, readonly RecorderState[]>> = {
  status: [],
  pause: ['paused'],
  resume: ['recording'],
  stop: ['closed'],
};
/**
 * A stop is taken by the plugin's control thread within 10 ms. To pause and to resume takes a vCPU, and a
 * guest that sleeps comes to it when it wakes; it is not waited for longer than this.
 */
const PATIENCE_MS = 5000;
const POLL_MS = 20;

export const ctlCommand: CommandSpec = {
  details: `A recording is named by its trace file, by QEMU's process id or by that of "loadstore record"; without a name,
all running ones are listed. Recordings are found through a folder of this user: LOADSTORE_RUNTIME, else
loadstore in XDG_RUNTIME_DIR, else loadstore-UID in the temporary folder.`,
  options: [JSON_OPTION],
  examples: ['loadstore ctl', 'loadstore ctl boot.memtrace pause', 'loadstore ctl 4711 stop'],
  exitCodes: [
    '0    done',
    '1    the recorder cannot do it and says why, or it has not come to it yet: the guest sleeps',
    '4    no such recording is running',
  ],
  run: runCtl,
};

async function runCtl(input: CommandInput, context: CliContext): Promise<ExitCode> {
  const folder = openRunFolder(context.env);
  sweepRunEntries(folder);
  const target = wordAt(input, 0);
  if (target === '') {
    const recordings = listRunEntries(folder).flatMap((entry) => describeEntry(entry) ?? []);
    await printResult(context, input, { recordings }, renderCtl);
    return ExitCode.ok;
  }
  const verb = requireVerb(wordAt(input, 1) === '' ? 'status' : wordAt(input, 1));
  const entry = requireRunEntry(folder, target);
  const page = openControlPage(entry.controlFile);
  try {
    const isDone = await carryOut(verb, entry, page);
    const { scratchFolder: _scratch, controlFile: _control, ...named } = entry;
    const result: CtlResult = { recordings: [{ ...named, status: page.readStatus() }] };
    await printResult(context, input, result, renderCtl);
    return isDone ? ExitCode.ok : ExitCode.negative;
  } finally {
    page.close();
    sweepRunEntries(folder);
  }
}

function requireVerb(word: string): Verb {
  const verb = VERBS.find((one) => one === word);
  if (verb !== undefined) return verb;
  throw new UserError(ExitCode.usage, `"${word}" is not one of ${VERBS.join(', ')}`);
}

/** Whether the recorder has come to the wanted state. */
async function carryOut(verb: Verb, entry: RunEntry, page: ControlPage): Promise<boolean> {
  const command = COMMAND_OF[verb];
  if (command === undefined) return true;
  const messageBefore = page.readStatus().message;
  page.sendCommand(command);
  const isGone = (): boolean => !isAlive(entry.qemuPid);
  const isThere = (): boolean => WANTED[verb].includes(page.readStatus().state);
  const isRefused = (): boolean => verb !== 'stop' && page.readStatus().message !== messageBefore;
  await waitFor(() => isThere() || isGone() || isRefused());
  if (verb !== 'stop') return isThere();
  // Its launcher ends QEMU; without one (it was killed), or with a guest that sleeps, it is done here.
  if (!isGone() && (!isThere() || !isAlive(entry.launcherPid))) {
    process.kill(entry.qemuPid, 'SIGTERM');
    await waitFor(isGone);
  }
  return isThere() || isGone();
}

async function waitFor(isDone: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!isDone() && performance.now() < deadlineMs) await sleep(POLL_MS);
}

function describeEntry(entry: RunEntry): CtlResult['recordings'][number] | undefined {
  try {
    const page = openControlPage(entry.controlFile);
    const status = page.readStatus();
    page.close();
    const { scratchFolder: _scratch, controlFile: _control, ...named } = entry;
    return { ...named, status };
  } catch {
    // It ended a moment ago.
    return undefined;
  }
}
