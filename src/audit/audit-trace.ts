// SPDX-License-Identifier: Apache-2.0

import { analyse, type PassOptions } from '../engine/index.ts';
import { openTrace, type Trace } from '../format/index.ts';
import type { AuditResult } from './audit-result.ts';
import { instructionAudit } from './instruction-audit.ts';

/** Audits a trace file. Throws TraceError as openTrace() and analyse() do. */
export async function auditTrace(path: string, options: PassOptions): Promise<AuditResult> {
  const trace = await openTrace(path);
  try {
    return await auditOpenTrace(trace, options);
  } finally {
    await trace.close();
  }
}

/** The same of a trace that is open; of one that is not a file without worker threads. */
export async function auditOpenTrace(
  trace: Trace,
  options: PassOptions = {},
  moduleUrl: URL = new URL('./audit.worker.js', import.meta.url),
): Promise<AuditResult> {
  const request = { analysis: instructionAudit, parameters: {}, moduleUrl: moduleUrl.href };
  const [result] = await analyse(trace, [request], options);
  return result;
}
