// SPDX-License-Identifier: Apache-2.0
// Starts other programs for the scripts: each command line is printed before it runs.

import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT_ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Where downloads, unpacked packages and built guests live; safe to delete. */
export const CACHE_FOLDER = path.resolve(
  process.env['LOADSTORE_CACHE'] ?? path.join(PROJECT_ROOT, '.cache'),
);

export class CommandFailed extends Error {
  /**
   * @param {string} line
   * @param {number} exitCode
   * @param {string} output
   */
  constructor(line, exitCode, output = '') {
    super(`command failed (${exitCode}): ${line}${output === '' ? '' : `\n${output.trimEnd()}`}`);
    this.exitCode = exitCode;
  }
}

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {Record<string, string | undefined>} [env] added to the environment
 * @property {boolean} [quiet] do not print the command line
 */

/**
 * Prints the command line, then runs it with this terminal; its exit code is returned.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {number}
 */
export function runCode(program, args, options = {}) {
  if (options.quiet !== true) console.log(`$ ${commandLine(program, args)}`);
  const result = spawnSync(program, args, {
    cwd: options.cwd ?? PROJECT_ROOT,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return exitCodeOf(result);
}

/**
 * Like runCode, and throws CommandFailed unless the exit code is 0.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export function run(program, args, options = {}) {
  const exitCode = runCode(program, args, options);
  if (exitCode !== 0) throw new CommandFailed(commandLine(program, args), exitCode);
}

/**
 * Runs without printing and returns what the command wrote to standard output; undefined when the
 * command is missing or failed.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {string | undefined}
 */
export function findOutput(program, args, options = {}) {
  const result = spawnSync(program, args, {
    cwd: options.cwd ?? PROJECT_ROOT,
    env: { ...process.env, LC_ALL: 'C', ...options.env },
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return exitCodeOf(result) === 0 ? result.stdout : undefined;
}

/**
 * Prints the command line, runs it, passes its output on and returns it too.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {{ exitCode: number, output: string }}
 */
export function runAndKeepOutput(program, args, options = {}) {
  console.log(`$ ${commandLine(program, args)}`);
  const result = spawnSync(program, args, {
    cwd: options.cwd ?? PROJECT_ROOT,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  process.stdout.write(result.stdout ?? '');
  return { exitCode: exitCodeOf(result), output: result.stdout ?? '' };
}

/**
 * Was this file started, or imported? The checkout may be reached through a symbolic link.
 * @param {string} file its import.meta.filename
 */
export function isStarted(file) {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === file;
}

/**
 * Path of a program in node_modules/.bin.
 * @param {string} name
 */
export function localProgram(name) {
  return path.join(PROJECT_ROOT, 'node_modules', '.bin', name);
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 */
function commandLine(program, args) {
  const shown = program.startsWith(`${PROJECT_ROOT}/`)
    ? path.relative(PROJECT_ROOT, program)
    : program;
  return [shown, ...args]
    .map((word) =>
      /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`,
    )
    .join(' ');
}

/** @param {{ status: number | null, error?: Error | undefined }} result */
function exitCodeOf(result) {
  if (result.error !== undefined) return 127;
  return result.status ?? 128;
}
