// SPDX-License-Identifier: Apache-2.0
// The trace file before QEMU starts: may it be written, is its name free.

import { accessSync, constants, lstatSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ExitCode, UserError } from '../base/index.ts';

/**
 * Absolute path of a file that may be written: in a folder that can be, and not there yet, or with `force`
 * a regular file. Throws UserError 'usage' when it exists, 'environment' when it cannot be made.
 */
export function requireFreeOutput(name: string, force: boolean): string {
  const file = path.resolve(name);
  const folder = path.dirname(file);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new UserError(
      ExitCode.environment,
      `cannot write in ${folder}: ${error instanceof Error ? error.message : String(error)}`,
      'name a file in a folder that you may write: -o FILE',
      error,
    );
  }
  const facts = lstatSync(file, { throwIfNoEntry: false });
  if (facts === undefined) return file;
  if (!facts.isFile() && !facts.isSymbolicLink()) {
    throw new UserError(
      ExitCode.usage,
      `${file} is not a regular file; a trace is read back, so it cannot go to a pipe or a device`,
      'name another file: -o FILE',
    );
  }
  if (!force) {
    throw new UserError(
      ExitCode.usage,
      `${file} exists`,
      'replace it with --force, or name another: -o FILE',
    );
  }
  return file;
}

/** As requireFreeOutput; and an existing file is removed. */
export function claimOutputFile(name: string, force: boolean): string {
  const file = requireFreeOutput(name, force);
  rmSync(file, { force: true });
  return file;
}
