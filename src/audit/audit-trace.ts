// SPDX-License-Identifier: Apache-2.0

import { runInWorkers } from '../engine/index.ts';
import { type AuditResult, isAuditPart } from './audit-result.ts';
import { instructionAudit } from './instruction-audit.ts';

export interface AuditOptions {
  /** Threads; 0: in this one. */
  readonly workers: number;
  readonly onProgress?: (doneAccesses: number, allAccesses: number) => void;
  readonly signal?: AbortSignal;
}

/** Audits a trace file. Throws TraceError as openTrace() and Trace.executions() do. */
export async function auditTrace(path: string, options: AuditOptions): Promise<AuditResult> {
  return runInWorkers(path, instructionAudit, isAuditPart, {
    ...options,
    workerUrl: new URL('./audit.worker.js', import.meta.url),
  });
}
