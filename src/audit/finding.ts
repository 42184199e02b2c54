// SPDX-License-Identifier: Apache-2.0
// What came out for one instruction: of one execution, or summed over many.

import type { QemuOmissionName } from '../isa/index.ts';
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
  /** Executions of which QEMU makes none of the accesses, which are then not expected. */
  omitted: Map<QemuOmissionName, number> | undefined;
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
    omitted: undefined,
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
  for (const [omission, count] of b.omitted ?? []) addOmitted(a, omission, count * times);
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

export function addOmitted(finding: Finding, omission: QemuOmissionName, count: number): void {
  finding.omitted ??= new Map();
  finding.omitted.set(omission, (finding.omitted.get(omission) ?? 0) + count);
}
