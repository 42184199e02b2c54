// SPDX-License-Identifier: Apache-2.0
// Where commands look for QEMU, the plugin and the cache: the environment variables are read here only.

import { cacheFolderFrom, type QemuSearch } from '../capture/index.ts';
import { type CliContext, type CommandInput, findText } from './command-spec.ts';

export function qemuSearchFrom(input: CommandInput, context: CliContext): QemuSearch {
  const environment = context.env['LOADSTORE_QEMU'];
  return {
    named: findText(input, 'qemu'),
    environment: environment === '' ? undefined : environment,
    searchPath: context.env['PATH'] ?? '',
    cacheFolder: cacheFolder(context),
  };
}

export function cacheFolder(context: CliContext): string {
  return cacheFolderFrom(context.env['LOADSTORE_CACHE']);
}
