// SPDX-License-Identifier: Apache-2.0
// A Node.js for this project alone, where the machine's own is too old (Debian 12 has 18): an npm package in
// the cache folder. This file and what it imports must run on that old Node.js.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CACHE_FOLDER, findOutput, run } from './run-command.mjs';

/** The oldest that works (package.json: engines). */
const OLDEST = [20, 19];

export const PROVIDED_NODE_VERSION = '24.21.0';

/** Debian's Node.js trusts these; one from elsewhere brings certificates of its own. */
const SYSTEM_CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

const FOLDER = path.join(CACHE_FOLDER, 'node-24');
const PACKAGE = `node-${process.platform}-${process.arch}`;
const PROGRAM = path.join(FOLDER, 'node_modules', PACKAGE, 'bin', 'node');

/** Is the Node.js that runs this new enough? */
export function isNodeUsable() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/** Path of the provided one; undefined when it was not brought yet. */
export function findProvidedNode() {
  return existsSync(PROGRAM) ? PROGRAM : undefined;
}

/** Brings it when it is missing. */
export function provideNode() {
  if (findOutput(PROGRAM, ['--version'])?.trim() === `v${PROVIDED_NODE_VERSION}`) return PROGRAM;
  mkdirSync(FOLDER, { recursive: true });
  run('npm', ['install', '--prefix', FOLDER, '--no-save', `${PACKAGE}@${PROVIDED_NODE_VERSION}`]);
  if (!existsSync(PROGRAM)) throw new Error(`${PACKAGE} brought no ${PROGRAM}`);
  return PROGRAM;
}

/**
 * Goes on in another Node.js, which also comes first in PATH: this process passes signals on and ends as that one
 * does.
 * @param {string} node
 * @param {readonly string[]} args
 */
export function continueWith(node, args) {
  const searchPath = `${path.dirname(node)}${path.delimiter}${process.env['PATH'] ?? ''}`;
  const certificates = existsSync(SYSTEM_CERTIFICATES)
    ? { NODE_EXTRA_CA_CERTS: SYSTEM_CERTIFICATES }
    : {};
  const child = spawn(node, args, {
    stdio: 'inherit',
    env: { ...certificates, ...process.env, PATH: searchPath },
  });
  // A terminal sends Ctrl-C to both.
  process.on('SIGINT', () => undefined);
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'])) {
    process.on(signal, () => child.kill(signal));
  }
  child.once('error', (error) => {
    console.error(`cannot start ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.once('exit', (exitCode, signal) => {
    process.exitCode = exitCode ?? 128 + (signal === null ? 0 : os.constants.signals[signal]);
  });
}
