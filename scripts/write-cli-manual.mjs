// SPDX-License-Identifier: Apache-2.0
// Writes docs/cli.md from the command table, and into docs/exports.md the table of formats. Run it after `npm run build`.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from './run-command.mjs';

const { renderManual } = await import(path.join(PROJECT_ROOT, 'dist', 'cli', 'manual.js'));
writeFileSync(path.join(PROJECT_ROOT, 'docs', 'cli.md'), await renderManual());

const { replaceExportManual } = await import(
  path.join(PROJECT_ROOT, 'dist', 'cli', 'export-manual.js')
);
const exportsFile = path.join(PROJECT_ROOT, 'docs', 'exports.md');
writeFileSync(exportsFile, replaceExportManual(readFileSync(exportsFile, 'utf8')));
