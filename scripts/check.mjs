// SPDX-License-Identifier: Apache-2.0
// Every check that needs no guest, fast ones first; stops at the first that fails.

import { localProgram, runCode } from './run-command.mjs';

/** @type {readonly (readonly [string, string, ...string[]])[]} */
const STEPS = [
  ['format', localProgram('biome'), 'ci', '--colors=off'],
  ['kernel', process.execPath, 'scripts/build-kernel.mjs', '--check'],
  ['types', localProgram('tsc'), '-b'],
  ['lint', localProgram('oxlint'), '--type-aware', '--deny-warnings'],
  ['boundaries', process.execPath, 'scripts/check-boundaries.mjs'],
  ['dead code', localProgram('knip')],
  ['ratchet', process.execPath, 'scripts/ratchet.mjs'],
  ['leaks', process.execPath, 'scripts/check-leaks.mjs'],
];

const startedMs = Date.now();
for (const [name, program, ...args] of STEPS) {
  const stepStartedMs = Date.now();
  const exitCode = runCode(program, args);
  if (exitCode !== 0) {
    console.error(`check: ${name} failed`);
    process.exit(1);
  }
  console.log(`  ${name}: ${((Date.now() - stepStartedMs) / 1000).toFixed(1)} s`);
}
console.log(`check: all ${STEPS.length} good in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
