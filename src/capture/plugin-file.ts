// SPDX-License-Identifier: Apache-2.0
// Where this installation keeps what is not TypeScript.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { ExitCode, UserError } from '../base/index.ts';

/** The folder of package.json: src/capture or dist/capture is two below it. */
export const PROJECT_FOLDER: string = path.resolve(import.meta.dirname, '..', '..');

/** Downloads and built guests; safe to delete. */
export function cacheFolderFrom(environment: string | undefined): string {
  return path.resolve(
    environment === undefined || environment === ''
      ? path.join(PROJECT_FOLDER, '.cache')
      : environment,
  );
}

/** Undefined when the plugin is not built. */
export function findPluginFile(environment: string | undefined): string | undefined {
  const file =
    environment === undefined || environment === ''
      ? path.join(PROJECT_FOLDER, 'plugin', 'build', 'loadstore.so')
      : path.resolve(environment);
  return existsSync(file) ? file : undefined;
}

/** `environment` is LOADSTORE_PLUGIN. Throws UserError 'environment' when the plugin is not built. */
export function requirePluginFile(environment: string | undefined): string {
  const file = findPluginFile(environment);
  if (file !== undefined) return file;
  throw new UserError(
    ExitCode.environment,
    environment === undefined || environment === ''
      ? 'the plugin for QEMU is not built: no plugin/build/loadstore.so'
      : `LOADSTORE_PLUGIN names a file that is not there: ${environment}`,
    `npm run build (in ${PROJECT_FOLDER})`,
  );
}
