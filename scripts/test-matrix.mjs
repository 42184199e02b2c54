// SPDX-License-Identifier: Apache-2.0
// npm run test:matrix: the end-to-end tests with each QEMU of the matrix, the unit tests with a newer Node.

import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { prepareMatrix } from './matrix.mjs';
import { CACHE_FOLDER, findOutput, isStarted, run } from './run-command.mjs';
import { addTotals, closeWith, runStep, runVitest } from './test-totals.mjs';

const NEWER_NODE = '24.21.0';

/** Node itself, as an npm package in the cache folder. */
function provideNewerNode() {
  const folder = path.join(CACHE_FOLDER, 'node-24');
  const packageName = `node-${process.platform}-${process.arch}`;
  const program = path.join(folder, 'node_modules', packageName, 'bin', 'node');
  if (findOutput(program, ['--version'])?.trim() === `v${NEWER_NODE}`) return program;
  mkdirSync(folder, { recursive: true });
  run('npm', ['install', '--prefix', folder, '--no-save', `${packageName}@${NEWER_NODE}`]);
  if (!existsSync(program)) throw new Error(`${packageName} brought no ${program}`);
  return program;
}

/** @returns {import('./test-totals.mjs').Totals} */
export function runMatrixTests() {
  for (const needed of ['scripts/setup.mjs', 'scripts/build.mjs']) {
    const outcome = runStep(needed);
    if (outcome.failed > 0) return outcome;
  }
  const parts = prepareMatrix().map((qemu) => {
    console.log(`\n== end-to-end tests with QEMU ${qemu.version}`);
    return runVitest('e2e', { env: { LOADSTORE_QEMU: qemu.path } });
  });
  console.log(`\n== unit tests with Node ${NEWER_NODE}`);
  parts.push(runVitest('unit', { node: provideNewerNode() }));
  return addTotals(parts);
}

if (isStarted(import.meta.filename)) closeWith(runMatrixTests());
