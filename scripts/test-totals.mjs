// SPDX-License-Identifier: Apache-2.0
// Runs the test programs and adds up what they counted themselves.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import {
  CACHE_FOLDER,
  localProgram,
  PROJECT_ROOT,
  runAndKeepOutput,
  runCode,
} from './run-command.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Totals */

/** @type {Totals} */
export const NO_TESTS = { passed: 0, failed: 0, skipped: 0 };

/**
 * @param {readonly Totals[]} parts
 * @returns {Totals}
 */
export function addTotals(parts) {
  return parts.reduce(
    (sum, part) => ({
      passed: sum.passed + part.passed,
      failed: sum.failed + part.failed,
      skipped: sum.skipped + part.skipped,
    }),
    NO_TESTS,
  );
}

/**
 * Prints the closing line and sets the exit code.
 * @param {Totals} totals
 */
export function closeWith(totals) {
  const skipped = totals.skipped === 0 ? '' : `, ${totals.skipped} skipped`;
  console.log(`\n${totals.passed} passed, ${totals.failed} failed${skipped}`);
  if (totals.failed > 0 || totals.passed === 0) process.exitCode = 1;
}

/**
 * A step that is not a test: nothing when it is good, one failure when it is not.
 * @param {string} script
 * @returns {Totals}
 */
export function runStep(script) {
  const exitCode = runCode(process.execPath, [script]);
  return exitCode === 0 ? NO_TESTS : { ...NO_TESTS, failed: 1 };
}

/**
 * @param {'unit' | 'e2e'} project
 * @param {{ node?: string, env?: Record<string, string>, without?: readonly string[] }} [options]
 *   without: test files that are left out
 * @returns {Totals}
 */
export function runVitest(project, options = {}) {
  const report = path.join(CACHE_FOLDER, `vitest-${project}.json`);
  rmSync(report, { force: true });
  const args = [
    ...['run', '--project', project, '--passWithNoTests', '--no-color'],
    ...['--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    ...(options.without ?? []).flatMap((file) => ['--exclude', file]),
  ];
  const env = options.env === undefined ? {} : { env: options.env };
  const exitCode =
    options.node === undefined
      ? runCode(localProgram('vitest'), args, env)
      : runCode(options.node, [vitestMain(), ...args], env);
  const totals = existsSync(report) ? totalsFromReport(readFileSync(report, 'utf8')) : NO_TESTS;
  // Whatever else vitest found wrong.
  return exitCode !== 0 && totals.failed === 0 ? { ...totals, failed: 1 } : totals;
}

/**
 * @typedef {object} VitestReport
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests
 * @property {number} numTodoTests
 * @property {{ status: string, assertionResults: { status: string }[] }[]} testResults one per file
 */

/**
 * A file that failed with no failed test of its own (it could not be loaded, a hook threw) counts as one.
 * @param {string} text vitest's JSON report
 * @returns {Totals}
 */
export function totalsFromReport(text) {
  const report = /** @type {VitestReport} */ (JSON.parse(text));
  const brokenFiles = report.testResults.filter(
    (file) =>
      file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

function vitestMain() {
  return path.join(PROJECT_ROOT, 'node_modules', 'vitest', 'vitest.mjs');
}

/**
 * The plugin's tests on the host; each test program says "N passed, N failed" on a line of its own.
 * @returns {Totals}
 */
export function runPluginTests() {
  if (!existsSync(path.join(PROJECT_ROOT, 'plugin', 'Makefile'))) return NO_TESTS;
  const { exitCode, output } = runAndKeepOutput('make', [
    '--no-print-directory',
    '-C',
    'plugin',
    'test',
  ]);
  const totals = totalsFromLines(output);
  if (exitCode === 0 && totals.passed + totals.failed === 0) {
    console.error('make -C plugin test: no line says how many passed');
    return { ...totals, failed: 1 };
  }
  return exitCode !== 0 && totals.failed === 0 ? { ...totals, failed: 1 } : totals;
}

/**
 * @param {string} output
 * @returns {Totals}
 */
export function totalsFromLines(output) {
  const lines = output.matchAll(/^(?:\S+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm);
  return addTotals(
    [...lines].map(([, passed, failed, skipped]) => ({
      passed: Number(passed),
      failed: Number(failed),
      skipped: Number(skipped ?? 0),
    })),
  );
}
