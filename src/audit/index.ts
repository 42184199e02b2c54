// SPDX-License-Identifier: Apache-2.0
// The instruction audit: what each executed instruction should access against what the trace holds of it.

export type { AuditResult, MnemonicAudit, UnexplainedPlace } from './audit-result.ts';

export { auditTrace } from './audit-trace.ts';
