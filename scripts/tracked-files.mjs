// SPDX-License-Identifier: Apache-2.0
// The files the checks look at: what git tracks, and what it would track after `git add`.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { findOutput, PROJECT_ROOT } from './run-command.mjs';

/** @returns {string[]} paths from the project root, sorted */
export function listProjectFiles() {
  const listed = findOutput('git', ['ls-files', '-z', '-c', '-o', '--exclude-standard']);
  if (listed === undefined) throw new Error('git ls-files failed: the checks need a git checkout');
  const files = listed.split('\0').filter((file) => file !== '');
  // A file that was deleted but is still in the index is not there to be read.
  return [...new Set(files)].filter((file) => existsSync(path.join(PROJECT_ROOT, file))).sort();
}

/** @param {string} file */
export function readProjectFile(file) {
  return readFileSync(path.join(PROJECT_ROOT, file), 'utf8');
}
