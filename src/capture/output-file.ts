// SPDX-License-Identifier: Apache-2.0
// The trace file before QEMU starts: may it be written, is its name free.

import { accessSync, constants, existsSync, lstatSync, renameSync, rmSync } from 'node:fs';
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

export interface ClaimedOutput {
  readonly file: string;
  /** To be called when QEMU has ended: the old file goes if there is a new one, else it comes back. */
  readonly settle: () => void;
}

/** As requireFreeOutput; and an existing file is moved aside until there is a new one. */
export function claimOutputFile(name: string, force: boolean): ClaimedOutput {
  const file = requireFreeOutput(name, force);
  const aside = `${file}.replaced`;
  if (!existsSync(file)) return { file, settle: () => undefined };
  renameSync(file, aside);
  return {
    file,
    settle: () => {
      if (existsSync(file)) rmSync(aside, { force: true });
      else if (existsSync(aside)) renameSync(aside, file);
    },
  };
}
