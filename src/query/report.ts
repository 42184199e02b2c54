// SPDX-License-Identifier: Apache-2.0
// The report: what ran, and what it did with memory, from one pass over the trace.

import {
  addressSpacesAnalysis,
  chooseReuseAnalysis,
  countsAnalysis,
  type FootprintResult,
  footprintAnalysis,
  heatAnalysis,
  hotAnalysis,
  type RateResult,
  type ReuseParameters,
  type ReuseResult,
  rateAnalysis,
  type TraceShape,
  windowsOver,
} from '../analysis/index.ts';
import type { AuditResult } from '../audit/index.ts';
import type { AnyRequest, ResultsOf } from '../engine/index.ts';
import type { Trace } from '../format/index.ts';
import type { GuestSymbols, SourceFinding } from '../symbols/index.ts';
import {
  type AddressSpaceRow,
  addressSpaceRows,
  addressSpacesParameters,
} from './address-space-rows.ts';
import type { CodeNames } from './code-names.ts';
import { type CountsFigures, countsFigures } from './counts-figures.ts';
import { type HeatFigures, heatFigures } from './heat-figures.ts';
import { type HotFigures, hotFigures } from './hot-figures.ts';
import { type TraceFacts, traceFactsOf } from './trace-facts.ts';
import { windowVcpus } from './window-vcpus.ts';

export interface ReportParameters {
  /** Windows of time, as many or one less. */
  readonly windowCount: number;
  /** Log2 of the bytes of a line and of a page. */
  readonly lineShift: number;
  readonly pageShift: number;
  /** Most rows of the map of addresses and time. */
  readonly heatRows: number;
  /** Rows of tables. */
  readonly top: number;
  /** Of the table of lines of the working set in each thread, about. */
  readonly memoryBytes: number;
  /** Of the map of addresses and time. Few rows are shown: it is enough when these fit many times over. */
  readonly heatMemoryBytes: number;
  /** Most lines that are told apart when the hottest are looked for. */
  readonly lineLimit: number;
  /** Most lines that reuse distances are sampled with. */
  readonly sampledLines: number;
}

export interface AddressSpaceRate extends AddressSpaceRow {
  /** Accesses by window. */
  readonly byWindow: readonly number[];
}

export interface ReportResult {
  readonly facts: TraceFacts;
  readonly counts: CountsFigures;
  readonly rate: RateResult;
  readonly footprint: FootprintResult;
  readonly heat: HeatFigures;
  readonly hot: HotFigures;
  /** Estimated from a sample of lines of virtual memory. */
  readonly reuse: Omit<ReuseResult, 'topReferenced' | 'topDistant'>;
  /** Null when the trace does not know address spaces. */
  readonly addressSpaces: {
    readonly isolated: boolean;
    readonly rows: readonly AddressSpaceRate[];
  } | null;
  /** Null when it was not asked for. */
  readonly instructionAudit: AuditResult | null;
}

export interface TraceReport {
  readonly analysis: 'report';
  readonly file: string;
  readonly parameters: {
    readonly windowInstructions: number;
    /** Whose own instructions those are. */
    readonly windowVcpus: readonly number[];
    readonly lineBytes: number;
    readonly pageBytes: number;
    readonly reportTop: number;
    readonly symbols: readonly SourceFinding[];
  };
  readonly result: ReportResult;
}

/** What is reported on. */
export interface ReportSubject {
  readonly trace: Trace;
  readonly shape: TraceShape;
  readonly names: CodeNames;
  readonly symbols: GuestSymbols;
}

/** One pass over the whole trace: analyse() of the engine with what the caller wants around it. */
export type RunPass = <const Requests extends readonly AnyRequest[]>(
  requests: Requests,
) => Promise<ResultsOf<Requests>>;

/** As in drcachesim: what is further away counts as distant. */
const DISTANT_LINES = 100;

/** Throws TraceError as the engine's analyse() does, and the reason of an aborted signal. */
export async function readReport(
  subject: ReportSubject,
  parameters: ReportParameters,
  runPass: RunPass,
  instructionAudit: AuditResult | null,
  signal: AbortSignal,
): Promise<TraceReport> {
  const { trace, shape, names, symbols } = subject;
  const { windowCount, lineShift, pageShift, memoryBytes, heatRows, lineLimit, top } = parameters;
  const { heatMemoryBytes } = parameters;
  const facts = traceFactsOf(trace);
  const lastIcount = Math.max(1, ...facts.vcpus.map((one) => one.instructions));
  const end = facts.vcpus.length === 0 ? Math.max(1, facts.totals.instructions) : lastIcount;
  const windows = windowsOver(0, end, Math.max(1, Math.ceil(end / windowCount)));
  const reuseParameters: ReuseParameters = {
    lineBytes: 2 ** lineShift,
    distanceThreshold: DISTANT_LINES,
    usePhysical: false,
    sampling: { kind: 'size', lines: parameters.sampledLines },
    reportTop: 0,
  };
  const requests = [
    { analysis: countsAnalysis, parameters: {} },
    { analysis: rateAnalysis, parameters: { windows } },
    { analysis: footprintAnalysis, parameters: { lineShift, pageShift, windows, memoryBytes } },
    {
      analysis: heatAnalysis,
      parameters: {
        unitShift: pageShift,
        windows,
        rowLimit: heatRows,
        memoryBytes: heatMemoryBytes,
      },
    },
    { analysis: hotAnalysis, parameters: { lineShift, pageShift, lineLimit, top } },
    { analysis: chooseReuseAnalysis(reuseParameters), parameters: reuseParameters },
  ] as const;
  const run = async () => {
    if (trace.capabilities['address-space'].status === 'no') return runPass(requests);
    const spaces = await addressSpacesParameters(trace, symbols, windows, signal);
    return runPass([...requests, { analysis: addressSpacesAnalysis, parameters: spaces }]);
  };
  const [counts, rate, footprint, heat, hot, reuseResult, spaces] = await run();
  const { topReferenced: _referenced, topDistant: _distant, ...reuse } = reuseResult;
  return {
    analysis: 'report',
    file: trace.path,
    parameters: {
      windowInstructions: windows.windowInstructions,
      windowVcpus: windowVcpus(trace),
      lineBytes: 2 ** lineShift,
      pageBytes: 2 ** pageShift,
      reportTop: top,
      symbols: symbols.findings,
    },
    result: {
      facts,
      counts: countsFigures(counts, shape, names),
      rate,
      footprint,
      heat: heatFigures(heat, names),
      hot: hotFigures(hot, shape, names, top),
      reuse,
      addressSpaces:
        spaces === undefined
          ? null
          : {
              isolated: spaces.isolated,
              rows: addressSpaceRows(spaces.spaces, symbols).map((row, i) => ({
                ...row,
                byWindow: spaces.spaces[i]?.byWindow ?? [],
              })),
            },
      instructionAudit,
    },
  };
}
