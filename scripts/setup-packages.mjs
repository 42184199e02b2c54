// SPDX-License-Identifier: Apache-2.0
// The npm packages, exactly as package-lock.json names them.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT, run } from './run-command.mjs';

/** @typedef {{ packages: Record<string, { version?: string, optional?: boolean }> }} LockFile */

export function setUpPackages() {
  const wanted = readLock('package-lock.json');
  const installed = readLock('node_modules/.package-lock.json');
  if (wanted !== undefined && installed !== undefined && isSame(wanted, installed)) {
    return 'here already';
  }
  run('npm', ['ci']);
  return 'installed';
}

/**
 * @param {LockFile} wanted
 * @param {LockFile} installed
 */
function isSame(wanted, installed) {
  return Object.entries(wanted.packages).every(
    ([folder, entry]) =>
      folder === '' ||
      // Other platforms' binaries are listed but not installed.
      (entry.optional === true && installed.packages[folder] === undefined) ||
      (installed.packages[folder]?.version === entry.version &&
        existsSync(path.join(PROJECT_ROOT, folder))),
  );
}

/**
 * @param {string} file
 * @returns {LockFile | undefined}
 */
function readLock(file) {
  const full = path.join(PROJECT_ROOT, file);
  return existsSync(full)
    ? /** @type {LockFile} */ (JSON.parse(readFileSync(full, 'utf8')))
    : undefined;
}
