// SPDX-License-Identifier: Apache-2.0
// Which accesses of a guest a QEMU shows: micro-guests whose accesses are written down beside them.

export type { Verdict } from './judge.ts';
export {
  type CaseResult,
  type ConformanceResult,
  type MatrixRow,
  runConformance,
  type VerdictCounts,
} from './run-conformance.ts';
