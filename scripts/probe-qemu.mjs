// SPDX-License-Identifier: Apache-2.0
// Asks a QEMU what it is. The library has its own, richer look-up; this one runs before it is built.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { CACHE_FOLDER } from './run-command.mjs';

/** @typedef {{ path: string, version: string, major: number, minor: number, hasPlugins: boolean }} FoundQemu */

/**
 * @param {string} program a path, or a name in PATH
 * @returns {FoundQemu | undefined} undefined when it is not there or does not run
 */
export function findQemu(program) {
  const file = program.includes('/') ? program : findInPath(program);
  if (file === undefined || !existsSync(file)) return undefined;
  const version = /version (\d+)\.(\d+)\.(\d+)/.exec(outputOf(file, ['--version']));
  if (version === null) return undefined;
  return {
    path: file,
    version: version.slice(1, 4).join('.'),
    major: Number(version[1]),
    minor: Number(version[2]),
    // A QEMU with plugins tries to load the file and says that it cannot; one without refuses the option.
    hasPlugins: /(?:could not|unable to) load plugin/i.test(
      outputOf(file, ['-M', 'none', '-display', 'none', '-plugin', 'file=/nonexistent']),
    ),
  };
}

/**
 * Plugin API 4 or newer (registers and values): QEMU 10.0 on. 9.x is untested.
 * @param {FoundQemu | undefined} qemu
 */
export function isGoodQemu(qemu) {
  return qemu !== undefined && qemu.hasPlugins && qemu.major >= 10;
}

/** The good QEMU that a recording would use: named, installed, or unpacked in the cache folder. */
export function findGoodQemu() {
  const candidates = [
    process.env['LOADSTORE_QEMU'],
    'qemu-system-x86_64',
    path.join(CACHE_FOLDER, 'qemu-10.0', 'qemu-system-x86_64'),
  ];
  return candidates
    .filter((candidate) => candidate !== undefined && candidate !== '')
    .map((candidate) => findQemu(candidate ?? ''))
    .find(isGoodQemu);
}

/** @param {string} name */
export function findInPath(name) {
  return (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find((file) => existsSync(file));
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 */
function outputOf(program, args) {
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  });
  return `${result.stdout ?? ''}${result.stderr ?? ''}`;
}
