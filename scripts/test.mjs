// SPDX-License-Identifier: Apache-2.0
// npm test: set-up, build, checks, unit tests, the plugin's tests, end-to-end tests, and one total.

import { isStarted } from './run-command.mjs';
import { addTotals, closeWith, runPluginTests, runStep, runVitest } from './test-totals.mjs';

/** @returns {import('./test-totals.mjs').Totals} */
export function runAllTests() {
  for (const needed of ['scripts/setup.mjs', 'scripts/build.mjs']) {
    const outcome = runStep(needed);
    if (outcome.failed > 0) {
      console.error(`${needed} failed: no test was run`);
      return outcome;
    }
  }
  const parts = [runStep('scripts/check.mjs'), runVitest('unit'), runPluginTests()];
  if (addTotals(parts).failed > 0) {
    console.error('end-to-end tests were not run: what they stand on failed');
    return addTotals(parts);
  }
  return addTotals([...parts, runVitest('e2e')]);
}

if (isStarted(import.meta.filename)) closeWith(runAllTests());
