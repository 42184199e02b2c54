// SPDX-License-Identifier: Apache-2.0
// The instruction audit: what each executed instruction should access against what the trace holds of it.

export type { AuditResult, MnemonicAudit, UnexplainedPlace } from './audit-result.ts';

<<<<<<< HEAD

export { auditTrace } from './audit-trace.ts';
export { INFERENCES, RULES, type RuleText } from './rules.ts';

=======

export { type AuditOptions, auditTrace } from './audit-trace.ts';

>>>>>>> isa
