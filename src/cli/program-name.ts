// SPDX-License-Identifier: Apache-2.0
// How this program is called on this command line, for the commands that messages tell to type.

import { realpathSync } from 'node:fs';
import path from 'node:path';

export interface ProgramPlace {
  /** bin/loadstore of this installation. */
  readonly file: string;
  readonly workingFolder: string;
  /** PATH. */
  readonly searchPath: string;
}

/** "loadstore" when PATH finds this one; else its path, from the working folder when that is shorter. */
export function programName({ file, workingFolder, searchPath }: ProgramPlace): string {
  const own = realPath(file);
  const first = searchPath
    .split(path.delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => realPath(path.resolve(workingFolder, folder, 'loadstore')))
    .find((found) => found !== undefined);
  if (first !== undefined && first === own) return 'loadstore';
  const relative = path.relative(workingFolder, file);
  const fromHere = relative.startsWith('..') ? relative : `.${path.sep}${relative}`;
  return fromHere.length < file.length ? fromHere : file;
}

/** Advice with its commands as they have to be typed: "loadstore check a.memtrace". */
export function asTyped(advice: string, program: string): string {
  return advice.replaceAll(/(?<![\w/.-])loadstore (?=[a-z])/g, () => `${program} `);
}

function realPath(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch {
    return undefined; // not there
  }
}
