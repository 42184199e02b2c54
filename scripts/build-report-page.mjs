// SPDX-License-Identifier: Apache-2.0
// Bundles what the page of a report runs in a browser: one script and one style sheet in dist/report-page, which
// `loadstore report --html` puts into each page.

import { copyFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'rolldown';
import { PROJECT_ROOT } from './run-command.mjs';

const OUTPUT = path.join(PROJECT_ROOT, 'dist', 'report-page');
const uplotFolder = path.dirname(createRequire(import.meta.url).resolve('uplot'));

mkdirSync(OUTPUT, { recursive: true });
await build({
  input: path.join(PROJECT_ROOT, 'src', 'report-page', 'page.ts'),
  platform: 'browser',
  logLevel: 'warn',
  output: { file: path.join(OUTPUT, 'page.js'), format: 'iife', minify: true },
});
copyFileSync(path.join(uplotFolder, 'uPlot.min.css'), path.join(OUTPUT, 'page.css'));
