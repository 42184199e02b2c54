// SPDX-License-Identifier: Apache-2.0
// Builds what ships: dist/ (TypeScript) and plugin/build/ (C).

import { existsSync } from 'node:fs';
import path from 'node:path';
import { localProgram, PROJECT_ROOT, run } from './run-command.mjs';

run(localProgram('tsc'), ['-b']);
if (existsSync(path.join(PROJECT_ROOT, 'plugin', 'Makefile'))) {
  run('make', ['--no-print-directory', '-C', 'plugin', '-j2']);
}
