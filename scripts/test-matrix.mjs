// SPDX-License-Identifier: Apache-2.0
// npm run test:matrix: the end-to-end tests with each QEMU of the matrix, the unit tests with a newer Node.

import { prepareMatrix } from './matrix.mjs';
import { PROVIDED_NODE_VERSION, provideNode } from './provided-node.mjs';
import { isStarted } from './run-command.mjs';
import { addTotals, closeWith, runStep, runVitest } from './test-totals.mjs';

/**
 * @param {{ tested?: string | undefined }} [options] a QEMU that has had these tests already, by its path
 * @returns {import('./test-totals.mjs').Totals}
 */
export function runMatrixTests({ tested } = {}) {
  for (const needed of ['scripts/setup.mjs', 'scripts/build.mjs']) {
    const outcome = runStep(needed);
    if (outcome.failed > 0) return outcome;
  }
  const untested = prepareMatrix().filter(({ path }) => path !== tested);
  const parts = untested.map((qemu) => {
    console.log(`\n== end-to-end tests with QEMU ${qemu.version}`);
    return runVitest('e2e', { env: { LOADSTORE_QEMU: qemu.path } });
  });
  console.log(`\n== unit tests with Node ${PROVIDED_NODE_VERSION}`);
  parts.push(runVitest('unit', { node: provideNode() }));
  return addTotals(parts);
}

if (isStarted(import.meta.filename)) closeWith(runMatrixTests());
