// SPDX-License-Identifier: Apache-2.0
// The trace file before QEMU starts: may it be written, is its name free.

import { accessSync, constants, existsSync, lstatSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describeSystemError, ExitCode, UserError } from '../base/index.ts';

/**
 * Absolute path of a file that may be written: in a folder that can be, and not there yet, or with `force`
 * a regular file. Throws UserError 'usage' when it exists, 'environment' when it cannot be made.
 */
export function requireFreeOutput(name: string, force: boolean): string {
  const file = path.resolve(name);
  requireWritableFolder(file);
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

/** Throws UserError 'environment' when no file can be made in the folder of this one. */
export function requireWritableFolder(file: string): void {
  const folder = path.dirname(path.resolve(file));
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = existsSync(folder) ? describeSystemError(error) : 'no such folder';
    throw new UserError(
      ExitCode.environment,
      `cannot write in ${folder}: ${why}`,
      'name a file in a folder that you may write: -o FILE',
      error,
    );
  }
}

/** Whichever of keep and discard is called first, once QEMU has ended, counts. */
export interface ClaimedOutput {
  readonly file: string;
  /** The old file goes; without a new one it comes back. */
  readonly keep: () => void;
  /** The new file goes, and the old one comes back. */
  readonly discard: () => void;
}

/** As requireFreeOutput; and an existing file is moved aside until it is known what the new one is worth. */
export function claimOutputFile(name: string, force: boolean): ClaimedOutput {
  const file = requireFreeOutput(name, force);
  const aside = isThere(file) ? moveAside(file) : undefined;
  let isSettled = false;
  const settle = (keepsNew: boolean): void => {
    if (isSettled) return;
    isSettled = true;
    if (!keepsNew) rmSync(file, { force: true });
    if (aside === undefined) return;
    if (isThere(file)) rmSync(aside, { force: true });
    else if (isThere(aside)) renameSync(aside, file);
  };
  return {
    file,
    keep: () => {
      settle(true);
    },
    discard: () => {
      settle(false);
    },
  };
}

/** A link that leads nowhere is there too. */
function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** What is there under such a name is the only copy of a trace whose launcher was killed. */
function moveAside(file: string): string {
  let aside = `${file}.replaced`;
  for (let number = 2; isThere(aside); number++) aside = `${file}.replaced-${number}`;
  renameSync(file, aside);
  return aside;
}
