// SPDX-License-Identifier: Apache-2.0
// Writes docs/cli.md from the command table. Run it after `npm run build`.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from './run-command.mjs';

const { renderManual } = await import(path.join(PROJECT_ROOT, 'dist', 'cli', 'manual.js'));
writeFileSync(path.join(PROJECT_ROOT, 'docs', 'cli.md'), renderManual());
