// SPDX-License-Identifier: Apache-2.0
// The report of a trace: read in one pass, and written as a page.

import { readFile } from 'node:fs/promises';
import { auditTrace } from '../audit/index.ts';
import { type ReportParameters, readReport, type TraceReport } from '../query/index.ts';
import { renderPage } from '../report/index.ts';
import { type AnalysisContext, runPass, workersFrom } from './analysis-run.ts';
import type { CliContext, CommandInput } from './command-spec.ts';
import { type OutputClaim, openExportOutput } from './export-output.ts';
import { withAbort } from './interrupts.ts';
import { readPageAssets } from './page-assets.ts';
import { statusLine } from './status-line.ts';

const REPORT_PARAMETERS: ReportParameters = {
  windowCount: 128,
  lineShift: 6,
  pageShift: 12,
  heatRows: 160,
  top: 10,
  memoryBytes: 120e6,
  heatMemoryBytes: 2 ** 24,
  lineLimit: 2_500_000,
  sampledLines: 2 ** 16,
};

/** Many analyses run at once: with this and the above two threads take less than 1 GB, whatever the trace's length. */
const LOOK_AHEAD_BYTES = 2 ** 26;

/** One pass over the trace, two with the audit of instructions. */
export async function makeReport(
  input: CommandInput,
  context: CliContext,
  analysis: AnalysisContext,
  withAudit: boolean,
): Promise<TraceReport> {
  const { path } = analysis.trace;
  const pass = { trace: analysis.trace, selection: {}, lookAheadBytes: LOOK_AHEAD_BYTES };
  const audit = withAudit ? await auditWatched(path, workersFrom(input), context) : null;
  return withAbort(async (signal) =>
    readReport(
      analysis,
      REPORT_PARAMETERS,
      async (requests) => runPass(input, context, pass, requests),
      audit,
      signal,
    ),
  );
}

/** Is it a page that writePage() wrote? */
export async function isReportPage(file: string): Promise<boolean> {
  try {
    return (await readFile(file, 'utf8')).includes(': loadstore report</title>');
  } catch {
    // Not there, or not to be read: not to be replaced.
    return false;
  }
}

/** Throws as claimOutput() does, and UserError 'environment'. */
export async function writePage(report: TraceReport, claim: OutputClaim): Promise<void> {
  const page = renderPage(report, await readPageAssets());
  const output = await openExportOutput(claim);
  try {
    await output.write({ file: '', bytes: Buffer.from(page) });
    await output.keep();
  } catch (error) {
    await output.discard();
    throw error;
  }
}

async function auditWatched(
  file: string,
  workers: number,
  context: CliContext,
): Promise<TraceReport['result']['instructionAudit']> {
  const line = statusLine(context);
  return withAbort(async (signal) =>
    auditTrace(file, {
      workers,
      signal,
      onProgress: (part) => {
        line.showPart(part, `auditing ${file}`);
      },
    }).finally(() => {
      line.clear();
    }),
  );
}
