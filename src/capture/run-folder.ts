// SPDX-License-Identifier: Apache-2.0
// Where running recordings can be found by another process (`loadstore ctl`): a folder of this user, one JSON
// file, named by QEMU's process id, and one control page for each recording.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ExitCode, UserError } from '../base/index.ts';

export interface RunEntry {
  readonly launcherPid: number;
  readonly qemuPid: number;
  /** Absolute path of the trace being written. */
  readonly traceFile: string;
  readonly controlFile: string;
  /** Folder of this recording's temporary files. */
  readonly scratchFolder: string;
  readonly startedAt: string;
}

/** Temporary files that QEMU and plugin write while the guest runs: in memory where the machine has a place. */
export function scratchParent(): string {
  return existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();
}

/**
 * LOADSTORE_RUNTIME, else loadstore in XDG_RUNTIME_DIR, else loadstore-UID in the temporary folder; made
 * when missing, for this user alone. Throws UserError 'environment' when it belongs to someone else.
 */
export function openRunFolder(environment: NodeJS.ProcessEnv): string {
  const uid = process.getuid?.() ?? 0;
  const folder = runFolderPath(environment);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const facts = statSync(folder);
  if (facts.uid !== uid) {
    throw new UserError(
      ExitCode.environment,
      `${folder} belongs to another user`,
      'name another place: LOADSTORE_RUNTIME=FOLDER',
    );
  }
  if ((facts.mode & 0o077) !== 0) chmodSync(folder, 0o700);
  return folder;
}

/** Where that folder is; it is neither made nor looked at. */
export function runFolderPath(environment: NodeJS.ProcessEnv): string {
  const uid = process.getuid?.() ?? 0;
  const runtime = environment['XDG_RUNTIME_DIR'];
  return (
    environment['LOADSTORE_RUNTIME'] ??
    (runtime !== undefined && existsSync(runtime)
      ? path.join(runtime, 'loadstore')
      : path.join(os.tmpdir(), `loadstore-${uid}`))
  );
}

export function writeRunEntry(folder: string, entry: RunEntry): void {
  writeFileSync(entryFile(folder, entry.qemuPid), `${JSON.stringify(entry)}\n`, {
    mode: 0o600,
  });
}

export function removeRunEntry(folder: string, qemuPid: number): void {
  rmSync(entryFile(folder, qemuPid), { force: true });
}

/** The recordings whose QEMU still runs. */
export function listRunEntries(folder: string): RunEntry[] {
  return readRunEntries(folder)
    .filter(({ qemuPid }) => isAlive(qemuPid))
    .sort((a, b) => a.startedAt.localeCompare(b.startedAt));
}

/** Removes what recordings left behind whose launcher was killed and whose QEMU has ended. */
export function sweepRunEntries(folder: string): void {
  for (const entry of readRunEntries(folder)) {
    if (isAlive(entry.qemuPid) || isAlive(entry.launcherPid)) continue;
    rmSync(entry.controlFile, { force: true });
    // The name is this program's own; a folder of any other name is not its to remove.
    if (path.basename(entry.scratchFolder).startsWith('loadstore-')) {
      rmSync(entry.scratchFolder, { recursive: true, force: true });
    }
    removeRunEntry(folder, entry.qemuPid);
  }
}

function readRunEntries(folder: string): RunEntry[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => parseRunEntry(path.join(folder, name)) ?? []);
}

/** The running recording that writes this trace. */
export function findRunEntry(folder: string, traceFile: string): RunEntry | undefined {
  if (!existsSync(folder)) return undefined;
  const file = realPathOf(traceFile);
  return listRunEntries(folder).find((entry) => entry.traceFile === file);
}

/**
 * The recording that `target` names: process id of QEMU or of the launcher, or the trace file. Throws
 * UserError 'environment' when none does.
 */
export function requireRunEntry(folder: string, target: string): RunEntry {
  const entries = listRunEntries(folder);
  const entry =
    entries.find(
      ({ qemuPid, launcherPid }) => target === String(qemuPid) || target === String(launcherPid),
    ) ?? findRunEntry(folder, target);
  if (entry !== undefined) return entry;
  const running = entries.map(({ qemuPid, traceFile }) => `${traceFile} (QEMU ${qemuPid})`);
  throw new UserError(
    ExitCode.environment,
    `no recording of "${target}" is running`,
    running.length === 0 ? 'none is running' : `running: ${running.join(', ')}`,
  );
}

/** Resolved as far as the file is there, so that two names of one file compare equal. */
export function realPathOf(file: string): string {
  const full = path.resolve(file);
  try {
    return realpathSync(full);
  } catch {
    try {
      return path.join(realpathSync(path.dirname(full)), path.basename(full));
    } catch {
      return full;
    }
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  // A zombie is not running any more, only not yet waited for.
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}

/** One launcher may record several times at once; a QEMU records once. */
function entryFile(folder: string, qemuPid: number): string {
  return path.join(folder, `${qemuPid}.json`);
}

function parseRunEntry(file: string): RunEntry | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isRunEntry(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRunEntry(value: unknown): value is RunEntry {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  return (
    ['launcherPid', 'qemuPid'].every((name) => typeof fields.get(name) === 'number') &&
    ['traceFile', 'controlFile', 'scratchFolder', 'startedAt'].every(
      (name) => typeof fields.get(name) === 'string',
    )
  );
}
