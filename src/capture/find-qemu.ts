// SPDX-License-Identifier: Apache-2.0
// Finds the QEMUs of this machine: the one that is named, those in PATH, and those that the project unpacked
// in its cache folder.

import { spawn } from 'node:child_process';
import { access, constants, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { describeSystemError, ExitCode, UserError } from '../base/index.ts';
import { GOOD_API, parseQemuVersion, pluginApiOf, type QemuVersion } from './qemu-version.ts';

const PROGRAM = 'qemu-system-x86_64';
const PROBE_TIMEOUT_MS = 20_000;

export type QemuOrigin = 'named' | 'environment' | 'path' | 'cache';

export interface QemuProgram {
  readonly path: string;
  readonly origin: QemuOrigin;
  readonly version: QemuVersion;
  readonly pluginApi: number;
  /** Its log takes trace events: it was built with that trace backend, as not every distribution's is. */
  readonly logsTraces: boolean;
}

/** A program that is where a QEMU should be and does not answer as one. */
export interface BrokenQemu {
  readonly path: string;
  readonly origin: QemuOrigin;
  readonly problem: string;
}

export interface QemuSearch {
  /** What the user named on the command line; alone when given. */
  readonly named?: string | undefined;
  /** LOADSTORE_QEMU; alone when given. */
  readonly environment?: string | undefined;
  /** PATH. */
  readonly searchPath: string;
  readonly cacheFolder: string;
}

/** Every QEMU, in order of preference; the same program under two names is listed once. */
export async function findQemus(
  search: QemuSearch,
): Promise<{ found: QemuProgram[]; broken: BrokenQemu[] }> {
  const found: QemuProgram[] = [];
  const broken: BrokenQemu[] = [];
  const seen = new Set<string>();
  for (const { file, origin } of await listCandidates(search)) {
    const real = await realpath(file).catch(() => file);
    if (seen.has(real)) continue;
    seen.add(real);
    const answer = await askVersion(file);
    if ('problem' in answer) {
      broken.push({ path: file, origin, problem: answer.problem });
    } else {
      const { version } = answer;
      const logsTraces = await probeLoggedTraces(file);
      found.push({ path: file, origin, version, pluginApi: pluginApiOf(version), logsTraces });
    }
  }
  return { found, broken };
}

/**
 * The QEMU to record with: the named one, else the first that gives everything, else the first.
 * Throws UserError 'environment' when there is none or the named one does not run.
 */
export async function chooseQemu(search: QemuSearch): Promise<QemuProgram> {
  const { found, broken } = await findQemus(search);
  const chosen = found.find((qemu) => qemu.pluginApi >= GOOD_API) ?? found[0];
  if (chosen !== undefined) return chosen;
  const [first] = broken;
  const isNamed = search.named !== undefined || search.environment !== undefined;
  throw new UserError(
    ExitCode.environment,
    first === undefined ? `no ${PROGRAM} found` : `${first.path} does not run: ${first.problem}`,
    (await findOtherAdvice(search)) ??
      `npm run setup, or name one${isNamed ? ' that runs' : ''}: --qemu PATH`,
  );
}

/** How to get at the QEMUs that are here beside a named one that does not do; undefined when there are none. */
export async function findOtherAdvice(search: QemuSearch): Promise<string | undefined> {
  const { named, environment, ...rest } = search;
  if (named === undefined && environment === undefined) return undefined;
  const others = await findQemus(named === undefined ? rest : { ...rest, environment });
  if (others.found.length === 0) return undefined;
  return named === undefined
    ? 'unset LOADSTORE_QEMU, or name another (loadstore doctor then lists them)'
    : 'leave --qemu out, or name another (loadstore doctor lists them)';
}

async function listCandidates(search: QemuSearch): Promise<{ file: string; origin: QemuOrigin }[]> {
  const named = search.named ?? search.environment;
  if (named !== undefined && named !== '') {
    const origin = search.named === undefined ? 'environment' : 'named';
    if (named.includes('/')) return [{ file: path.resolve(named), origin }];
    const files = await keepExecutable(
      search.searchPath.split(path.delimiter).map((folder) => path.join(folder, named)),
    );
    return [{ file: files[0] ?? named, origin }];
  }
  const inPath = search.searchPath
    .split(path.delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => path.join(folder, PROGRAM));
  const cached = (await readdir(search.cacheFolder).catch(() => []))
    .filter((name) => /^qemu-[\d.]+$/.test(name))
    .sort()
    .map((name) => path.join(search.cacheFolder, name, PROGRAM));
  return [
    ...(await keepExecutable(inPath)).map((file) => ({ file, origin: 'path' as const })),
    ...(await keepExecutable(cached)).map((file) => ({ file, origin: 'cache' as const })),
  ];
}

async function keepExecutable(files: readonly string[]): Promise<string[]> {
  const kept: string[] = [];
  for (const file of files) {
    try {
      await access(file, constants.X_OK);
      kept.push(file);
    } catch {
      // Not there, or not for this user.
    }
  }
  return kept;
}

async function askVersion(file: string): Promise<{ version: QemuVersion } | { problem: string }> {
  const { output, problem } = await runProbe(file, ['--version']);
  if (problem !== undefined) return { problem };
  const version = parseQemuVersion(output);
  if (version !== undefined) return { version };
  return { problem: `it does not answer --version as QEMU does: ${firstLine(output)}` };
}

/** QEMU lists what it can log; trace events are there when it has the `log` trace backend (util/log.c). */
async function probeLoggedTraces(file: string): Promise<boolean> {
  const { output } = await runProbe(file, ['-d', 'help']);
  return /^trace:/m.test(output);
}

export type PluginSupport = { readonly has: true } | { readonly has: false; readonly why: string };

/** Asks for a plugin that does not exist: a QEMU with plugins cannot load it, one without has no such option. */
export async function probePluginSupport(file: string): Promise<PluginSupport> {
  const args = ['-M', 'none', '-display', 'none', '-plugin', 'file=/nonexistent/plugin.so'];
  const { output, problem } = await runProbe(file, args);
  if (/(?:could not|unable to) load plugin/i.test(output)) return { has: true };
  if (problem !== undefined) return { has: false, why: problem };
  return {
    has: false,
    why: `plugins are not compiled in (--enable-plugins); it says: ${firstLine(output)}`,
  };
}

/** What a short run printed on both outputs; `problem` when it did not start or did not end. */
async function runProbe(
  file: string,
  args: readonly string[],
): Promise<{ output: string; problem?: string }> {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // Not spawn's own timeout: that is not cleared when the program does not start.
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
    }, PROBE_TIMEOUT_MS);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        output = (output + text).slice(0, 65_536);
      });
    }
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve({ output, problem: describeSystemError(error) });
    });
    child.once('exit', () => {
      clearTimeout(timer);
    });
    child.once('close', (_code, signal) => {
      if (signal === null) resolve({ output });
      else resolve({ output, problem: `ended by ${signal}; it said: ${firstLine(output)}` });
    });
  });
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
