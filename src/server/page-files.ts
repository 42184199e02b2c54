// SPDX-License-Identifier: Apache-2.0
// The built page, read into memory at the start: what a request names is looked up there and nowhere else.

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describeSystemError, ExitCode, UserError } from '../base/index.ts';

export interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** By path below the token: "index.html", "assets/index-1a2b.js". */
export type PageFiles = ReadonlyMap<string, PageFile>;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

export const PAGE_INDEX = 'index.html';

/** Throws UserError 'environment' when the page was not built. */
export async function readPageFiles(folder: string): Promise<PageFiles> {
  const files = new Map<string, PageFile>();
  try {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const type = TYPES[path.extname(entry.name)];
      if (!entry.isFile() || type === undefined) continue;
      const file = path.join(entry.parentPath, entry.name);
      const name = path.relative(folder, file).split(path.sep).join('/');
      files.set(name, { type, bytes: await readFile(file) });
    }
  } catch (error) {
    throw notBuilt(`${folder}: ${describeSystemError(error)}`);
  }
  if (!files.has(PAGE_INDEX)) throw notBuilt(`${folder} has no ${PAGE_INDEX}`);
  return files;
}

function notBuilt(why: string): UserError {
  return new UserError(
    ExitCode.environment,
    `the viewer's page is not there: ${why}`,
    'npm run build, in the folder of loadstore',
  );
}
