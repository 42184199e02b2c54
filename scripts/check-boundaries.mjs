// SPDX-License-Identifier: Apache-2.0
// Runs dependency-cruiser and makes sure that it saw what is there: with a parser it cannot use it
// reads no file, finds no violation and exits 0.

import { spawnSync } from 'node:child_process';
import { localProgram, PROJECT_ROOT } from './run-command.mjs';
import { listProjectFiles } from './tracked-files.mjs';

/**
 * @typedef {object} Cruise
 * @property {{ source: string, dependencies: unknown[] }[]} modules
 * @property {{ violations: { rule: { name: string }, from: string, to: string }[] }} summary
 */

const result = spawnSync(
  process.execPath,
  [
    '--require',
    './scripts/swc-reads-tsx.cjs',
    localProgram('depcruise'),
    'src',
    '--config',
    '.dependency-cruiser.cjs',
    '--output-type',
    'json',
  ],
  { cwd: PROJECT_ROOT, encoding: 'utf8', maxBuffer: 1 << 28 },
);
/** @type {Cruise} */
let cruise;
try {
  cruise = /** @type {Cruise} */ (JSON.parse(result.stdout));
} catch {
  throw new Error(`dependency-cruiser gave no report:\n${result.stdout}${result.stderr}`);
}

const seen = new Set(cruise.modules.map((module) => module.source));
const sources = listProjectFiles().filter((file) => /^src\/.*\.tsx?$/.test(file));
const unseen = sources.filter((file) => !seen.has(file));
const edgeCount = cruise.modules.reduce((sum, module) => sum + module.dependencies.length, 0);

const problems = cruise.summary.violations.map(
  (violation) => `${violation.rule.name}: ${violation.from} -> ${violation.to}`,
);
if (sources.length === 0 || edgeCount === 0) problems.push('nothing was read');
if (unseen.length > 0) problems.push(`not read: ${unseen.join(', ')}`);

if (problems.length > 0) {
  console.error(`boundaries:\n  ${problems.join('\n  ')}`);
  process.exitCode = 1;
} else {
  console.log(`boundaries: ${sources.length} files, ${edgeCount} imports, no violation`);
}
