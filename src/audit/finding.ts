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
  /** Undefined: none, as for nearly all of a kernel's instructions. */
  rules: Map<RuleName, number> | undefined;
  /** Parts of expected. */
  inferred: Map<InferenceName, number> | undefined;
}

export function emptyFinding(): Finding {
  return {
    executions: 0,
    expected: 0,
    recorded: 0,
    missing: 0,
    extra: 0,
    rules: undefined,
    inferred: undefined,
  };
}

/** Adds b, times over. */
export function addFinding(a: Finding, b: Finding, times = 1): void {
  a.executions += b.executions * times;
  a.expected += b.expected * times;
  a.recorded += b.recorded * times;
  a.missing += b.missing * times;
  a.extra += b.extra * times;
  for (const [rule, count] of b.rules ?? []) addRule(a, rule, count * times);
  for (const [inference, count] of b.inferred ?? []) addInferred(a, inference, count * times);
}

export function addRule(finding: Finding, rule: RuleName, count: number): void {
  if (count === 0) return;
  finding.rules ??= new Map();
  finding.rules.set(rule, (finding.rules.get(rule) ?? 0) + count);
}

export function addInferred(finding: Finding, inference: InferenceName, count: number): void {
  if (count === 0) return;
  finding.inferred ??= new Map();
  finding.inferred.set(inference, (finding.inferred.get(inference) ?? 0) + count);
}
