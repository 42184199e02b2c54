// SPDX-License-Identifier: Apache-2.0
// Everything that must be good before a change is taken: npm test, then the matrix, and one total.

import { findGoodQemu } from './probe-qemu.mjs';
import { runAllTests } from './test.mjs';
import { runMatrixTests } from './test-matrix.mjs';
import { addTotals, closeWith } from './test-totals.mjs';

const startedMs = Date.now();
const tests = runAllTests();
// A matrix of a build that failed would only say the same three times more.
const matrix = tests.failed > 0 ? [] : [runMatrixTests({ tested: findGoodQemu()?.path })];
console.log(`\nall of it took ${((Date.now() - startedMs) / 60_000).toFixed(1)} minutes`);
closeWith(addTotals([tests, ...matrix]));
