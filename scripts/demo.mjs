// SPDX-License-Identifier: Apache-2.0
// npm run demo: everything from a fresh clone to the report of a recorded Linux boot.

import path from 'node:path';
import { PROJECT_ROOT, run, runCode } from './run-command.mjs';

run(process.execPath, ['scripts/setup.mjs']);
run(process.execPath, ['scripts/build.mjs']);
process.exitCode = runCode(path.join(PROJECT_ROOT, 'bin', 'loadstore'), [
  'demo',
  ...process.argv.slice(2),
]);
