// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { addTotals, NO_TESTS, totalsFromLines, totalsFromReport } from './test-totals.mjs';

describe('totalsFromLines', () => {
  it('adds the lines that are totals, and no others', () => {
    const output = [
      'ring_test: 12 passed, 0 failed',
      'ok 3 passed, 4 failed is not alone on its line',
      '5 passed, 1 failed, 2 skipped',
    ].join('\n');
    expect(totalsFromLines(output)).toEqual({ passed: 17, failed: 1, skipped: 2 });
  });

  it('finds nothing in nothing', () => {
    expect(totalsFromLines('make: nothing to be done')).toEqual(NO_TESTS);
    expect(addTotals([])).toEqual(NO_TESTS);
  });
});

describe('totalsFromReport', () => {
  it('counts a file that could not be loaded as a failure', () => {
    const report = {
      numPassedTests: 2,
      numFailedTests: 1,
      numPendingTests: 1,
      numTodoTests: 0,
      testResults: [
        { status: 'passed', assertionResults: [{ status: 'passed' }, { status: 'pending' }] },
        { status: 'failed', assertionResults: [{ status: 'passed' }, { status: 'failed' }] },
        { status: 'failed', assertionResults: [] },
      ],
    };
    expect(totalsFromReport(JSON.stringify(report))).toEqual({ passed: 2, failed: 2, skipped: 1 });
  });
});
