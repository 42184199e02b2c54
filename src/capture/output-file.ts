// SPDX-License-Identifier: Apache-2.0
// A file before the work that it is for: may it be written, is its name free.

import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, lstatSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { describeSystemError, ExitCode, UserError } from '../base/index.ts';

/** "-", or the names that the system has for it. A file called "-" is "./-". */
export function isStandardOutput(name: string): boolean {
  return (
    name === '-' || ['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'].includes(path.resolve(name))
  );
}

/**
 * Absolute path of a file that may be written: in a folder that can be, and not there yet, or with `force`
 * a regular file. `option` is how the command line names it. Throws UserError 'usage' when it exists or has no name,
 * 'environment' when it cannot be made.
 */
export function requireFreeOutput(name: string, force: boolean, option = '-o FILE'): string {
  if (name === '') {
    throw new UserError(ExitCode.usage, 'the output has no name', `name one: ${option}`);
  }
  if (isStandardOutput(name)) {
    throw new UserError(
      ExitCode.usage,
      `${name} is standard output, and this is written to a file`,
      `name one: ${option}`,
    );
  }
  const file = path.resolve(name);
  requireWritableFolder(file, option);
  const facts = lstatSync(file, { throwIfNoEntry: false });
  if (facts === undefined) return file;
  if (!facts.isFile() && !facts.isSymbolicLink()) {
    throw new UserError(
      ExitCode.usage,
      `${file} exists and is not a regular file`,
      `name another: ${option}`,
    );
  }
  if (!force) {
    throw new UserError(
      ExitCode.usage,
      `${file} exists`,
      `replace it with --force, or name another: ${option}`,
    );
  }
  return file;
}

/** Throws UserError 'environment' when nothing can be made in the folder of this file. */
export function requireWritableFolder(file: string, option = '-o FILE'): void {
  const folder = path.dirname(path.resolve(file));
  try {
    const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (isFolder) tryFolder(folder);
    else throw new Error(existsSync(folder) ? 'not a folder' : 'no such folder');
  } catch (error) {
    throw new UserError(
      ExitCode.environment,
      `cannot write in ${folder}: ${describeSystemError(error)}`,
      `name a file in a folder that you may write: ${option}`,
      error,
    );
  }
}

/** Permissions do not tell all: to root /proc looks like any other folder. */
function tryFolder(folder: string): void {
  const probe = path.join(folder, `.loadstore-${randomUUID()}`);
  try {
    closeSync(openSync(probe, 'wx'));
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw isMissing ? new Error('it takes no new file', { cause: error }) : error;
  }
  rmSync(probe, { force: true });
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
