// SPDX-License-Identifier: Apache-2.0
// Where set-up left the demo guest's parts: demo-guest/parts.json in the project's cache folder, with
// paths relative to that file.

import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { ExitCode, UserError } from '../base/index.ts';

export interface GuestParts {
  /** Folder of parts.json; what is made from the parts is kept there too. */
  readonly folder: string;
  readonly kernelFile: string;
  readonly busyboxFile: string;
  /** "6.1.0-56-cloud-amd64", from the kernel's file name. */
  readonly kernelVersion: string;
}

const REMEDY = 'npm run setup';

/** Throws UserError 'environment' when set-up has not run or its files are gone. */
export async function requireGuestParts(cacheFolder: string): Promise<GuestParts> {
  const folder = path.join(cacheFolder, 'demo-guest');
  const partsFile = path.join(folder, 'parts.json');
  let parts: unknown;
  try {
    parts = JSON.parse(await readFile(partsFile, 'utf8'));
  } catch (error) {
    throw missing(`the demo guest's parts are not here: ${partsFile}`, error);
  }
  const kernelFile = path.join(folder, requireText(parts, 'kernel', partsFile));
  const busyboxFile = path.join(folder, requireText(parts, 'busybox', partsFile));
  for (const file of [kernelFile, busyboxFile]) {
    try {
      await stat(file);
    } catch (error) {
      throw missing(`${partsFile} names a file that is not there: ${file}`, error);
    }
  }
  const kernelVersion = path.basename(kernelFile).replace(/^vmlinuz-/, '');
  return { folder, kernelFile, busyboxFile, kernelVersion };
}

function requireText(parts: unknown, key: string, partsFile: string): string {
  if (typeof parts === 'object' && parts !== null && key in parts) {
    const value: unknown = Object.entries(parts).find(([name]) => name === key)?.[1];
    if (typeof value === 'string' && value !== '') return value;
  }
  throw missing(`${partsFile} has no "${key}"`);
}

function missing(message: string, cause?: unknown): UserError {
  return new UserError(ExitCode.environment, message, REMEDY, cause);
}
