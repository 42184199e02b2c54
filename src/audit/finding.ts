// SPDX-License-Identifier: Apache-2.0
// What came out for one instruction: of one execution, or summed over many.

import type { InferenceName, RuleName } from './rules.ts';

/** recorded = expected + explained (all rules) + extra - missing. */
export interface Finding {
  executions: number;
  /** Architectural accesses. */
  expected: number;
  recorded: number;
  /** Not recorded though expected; and the reverse. Neither is explained. */
  missing: number;
  extra: number;
  readonly rules: Map<RuleName, number>;
  /** Parts of expected. */
  readonly inferred: Map<InferenceName, number>;
}

export function emptyFinding(): Finding {
  return {
    executions: 0,
    expected: 0,
    recorded: 0,
    missing: 0,
    extra: 0,
    rules: new Map(),
    inferred: new Map(),
  };
}

/** Adds b, times over. */
export function addFinding(a: Finding, b: Finding, times = 1): void {
  a.executions += b.executions * times;
  a.expected += b.expected * times;
  a.recorded += b.recorded * times;
  a.missing += b.missing * times;
  a.extra += b.extra * times;
  for (const [rule, count] of b.rules) addCount(a.rules, rule, count * times);
  for (const [inference, count] of b.inferred) addCount(a.inferred, inference, count * times);
}

export function addCount<Name>(counts: Map<Name, number>, name: Name, count: number): void {
  if (count !== 0) counts.set(name, (counts.get(name) ?? 0) + count);
}
