// SPDX-License-Identifier: Apache-2.0
// npm run test:matrix: the end-to-end tests that the QEMU matters to with each QEMU of the matrix, the unit tests with a
// newer Node.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { prepareMatrix } from './matrix.mjs';
import { PROVIDED_NODE_VERSION, provideNode } from './provided-node.mjs';
import { isStarted, PROJECT_ROOT } from './run-command.mjs';
import { addTotals, closeWith, runStep, runVitest } from './test-totals.mjs';

/**
 * What these test comes after the recording, from any trace, and takes minutes: `npm test` runs them, once.
 * @type {Readonly<Record<string, string>>}
 */
const TESTED_ONCE = {
  'test/e2e/own-analysis.test.ts': "an analysis of one's own",
  'test/e2e/sql-document.test.ts': 'SQL over a trace',
  'test/e2e/exports.test.ts': 'exports of a trace',
  'test/e2e/report-page.test.ts': 'a page in a browser, of no recording',
  'test/e2e/tables-of-a-trace.test.ts': 'tables of a trace that no QEMU made',
  'test/e2e/viewer-page.test.ts': 'a page in a browser, of no recording',
  'test/e2e/viewer-hands.test.ts': 'a page in a browser, of no recording',
  'test/e2e/viewer-late.test.ts': 'a page in a browser, of no recording',
  'test/e2e/viewer-streams.test.ts': 'the viewer of a trace',
  'test/e2e/viewer-csv.test.ts': 'the viewer of a trace',
  'test/e2e/viewer-damage.test.ts': 'the viewer of a trace',
  'test/e2e/kernel-symbols.test.ts': 'names of code, from any trace',
  'test/e2e/viewer.test.ts': 'the viewer of a trace',
  'test/e2e/viewer-server.test.ts': 'the viewer of a trace',
  'test/e2e/viewer-reader.test.ts': 'a page in a browser, of no recording',
};

/**
 * @param {{ tested?: string | undefined }} [options] a QEMU that has had these tests already, by its path
 * @returns {import('./test-totals.mjs').Totals}
 */
export function runMatrixTests({ tested } = {}) {
  for (const needed of ['scripts/setup.mjs', 'scripts/build.mjs']) {
    const outcome = runStep(needed);
    if (outcome.failed > 0) return outcome;
  }
  for (const [file, why] of Object.entries(TESTED_ONCE)) {
    if (!existsSync(path.join(PROJECT_ROOT, file))) throw new Error(`there is no ${file}`);
    console.log(`not once for each QEMU: ${file}, ${why}`);
  }
  const untested = prepareMatrix().filter((qemu) => qemu.path !== tested);
  const parts = untested.map((qemu) => {
    console.log(`\n== end-to-end tests with QEMU ${qemu.version}`);
    const env = { LOADSTORE_QEMU: qemu.path };
    return runVitest('e2e', { env, without: Object.keys(TESTED_ONCE) });
  });
  console.log(`\n== unit tests with Node ${PROVIDED_NODE_VERSION}`);
  parts.push(runVitest('unit', { node: provideNode() }));
  return addTotals(parts);
}

if (isStarted(import.meta.filename)) closeWith(runMatrixTests());
