// SPDX-License-Identifier: Apache-2.0
// Builds what ships: the decoder kernel (WebAssembly), dist/ (TypeScript), the pages of
// reports and of the viewer, the micro-guests and plugin/build/ (C).

import { existsSync } from 'node:fs';
import path from 'node:path';
import { clearOrphans } from './clear-dist.mjs';
import { localProgram, PROJECT_ROOT, runCode } from './run-command.mjs';

process.exitCode = runCode(process.execPath, ['scripts/build-kernel.mjs']);
if (process.exitCode === 0) process.exitCode = runCode(localProgram('tsc'), ['-b']);
if (process.exitCode === 0) {
  clearOrphans(path.join(PROJECT_ROOT, 'src'), path.join(PROJECT_ROOT, 'dist'));
}
for (const script of [
  'scripts/build-report-page.mjs',
  'scripts/build-viewer.mjs',
  'scripts/build-guests.mjs',
]) {
  if (process.exitCode === 0) process.exitCode = runCode(process.execPath, [script]);
}
if (process.exitCode === 0 && existsSync(path.join(PROJECT_ROOT, 'plugin', 'Makefile'))) {
  process.exitCode = runCode('make', ['--no-print-directory', '-C', 'plugin', '-j2']);
}
