// SPDX-License-Identifier: Apache-2.0
// Starts the built command line as a user does, and gives the demo guest's QEMU arguments.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { cacheFolderFrom, chooseQemu, type QemuProgram } from '../../src/capture/index.ts';
import { type DemoGuest, demoBootArguments, prepareDemoGuest } from '../../src/guests/index.ts';

const PROJECT = path.join(import.meta.dirname, '..', '..');
export const LOADSTORE = path.join(PROJECT, 'bin', 'loadstore');
/** It runs in this Node.js. */
const SEARCH_PATH = `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH'] ?? ''}`;

/** Recordings need the plugin, which `npm run build` makes. */
export const PLUGIN_IS_BUILT = existsSync(path.join(PROJECT, 'plugin', 'build', 'loadstore.so'));

export interface Finished {
  readonly exitCode: number | null;
  readonly out: string;
  /** Without how far long work was, which a busy machine has more of. */
  readonly err: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** When it ended and all that could write to its pipes. */
  readonly finished: Promise<Finished>;
  /** When it ended. */
  readonly exited: Promise<void>;
}

export function startLoadstore(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  return startProgram(LOADSTORE, words, env);
}

/**
 * Runs loadstore with `folder` being a file system of that size, then copies what is in it to `copy`: the
 * file system is seen by these processes alone. Needs user namespaces or root.
 */
export function startOnSmallDisk(
  folder: string,
  sizeKib: number,
  copy: string,
  words: readonly string[],
): Running {
  const script = `folder=$1; copy=$2; shift 2
    mount -t tmpfs -o size=${sizeKib}k none "$folder" || exit 99
    "$@"; code=$?
    cp -r "$folder"/* "$copy"; exit $code`;
  const command = ['sh', '-c', script, 'sh', folder, copy, LOADSTORE, ...words];
  const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  return startProgram('unshare', [...asRoot, '--mount', ...command]);
}

const PROGRESS = /^loadstore: (?:< )?\d+ % {2}.*\n/gm;

export async function runLoadstore(...words: readonly string[]): Promise<Finished> {
  return startLoadstore(words).finished;
}

/** The result of a command with --json; its exit code is not looked at. */
export async function jsonOf(command: string, ...words: readonly string[]): Promise<unknown> {
  // In front of the words: behind "--" it would be an argument for QEMU.
  const { out, err } = await runLoadstore(command, '--json', ...words);
  try {
    return JSON.parse(out);
  } catch (error) {
    throw new Error(`no JSON from ${command} ${words.join(' ')}: ${out.slice(0, 200)} ${err}`, {
      cause: error,
    });
  }
}

function startProgram(
  program: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: SEARCH_PATH, ...env },
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => {
      resolve({ exitCode, out, err: err.replaceAll(PROGRESS, '') });
    });
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
  return { child, finished, exited };
}

/** The QEMU under test: LOADSTORE_QEMU, else the one that the product would choose. */
export async function qemuUnderTest(): Promise<QemuProgram> {
  const environment = process.env['LOADSTORE_QEMU'];
  return chooseQemu({
    environment: environment === '' ? undefined : environment,
    searchPath: process.env['PATH'] ?? '',
    cacheFolder: cacheFolderFrom(process.env['LOADSTORE_CACHE']),
  });
}

export async function demoGuest(): Promise<DemoGuest> {
  return prepareDemoGuest({
    cacheFolder: cacheFolderFrom(process.env['LOADSTORE_CACHE']),
    qemuPath: (await qemuUnderTest()).path,
  });
}

export function bootWords(guest: DemoGuest, consoleFile: string): string[] {
  return demoBootArguments(guest, { console: { file: consoleFile } });
}

/** A folder that is gone after `use`. */
export function makeFolder(): { readonly path: string; readonly remove: () => void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'loadstore-e2e-'));
  return {
    path: folder,
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
