// SPDX-License-Identifier: Apache-2.0
// Which accesses of a guest a QEMU shows: micro-guests whose accesses are written down beside them.

export { type LineWriter, lineWriterFor } from './compare.ts';
export { readVerdicts, verdictLetters } from './completeness.ts';
export { expectationOf, type Happening } from './expected.ts';
export { parseGuest } from './guest-source.ts';
export { judgeCase, type Verdict } from './judge.ts';
export { KINDS } from './kinds.ts';
export {
  type CaseResult,
  type ConformanceResult,
  type MatrixRow,
  runConformance,
  type VerdictCounts,
} from './run-conformance.ts';
