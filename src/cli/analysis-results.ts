// SPDX-License-Identifier: Apache-2.0
// What the analysing commands come to, as results.ts has it for the others.

import type { FootprintResult } from '../analysis/index.ts';
import type { CountsFigures, HeatFigures, HotFigures } from '../query/index.ts';
import type { Machine } from './machine.ts';
import type { SelectionWords } from './selection-options.ts';

/** What every analysis comes to; `parameters` also has the selection, in the words of the command line. */
export interface AnalysisReport<P, R> {
  readonly analysis: string;
  readonly file: string;
  readonly parameters: P & { readonly selection: SelectionWords };
  readonly result: R;
}

export type CountsReport = AnalysisReport<object, CountsFigures>;

export type FootprintReport = AnalysisReport<
  {
    readonly lineBytes: number;
    readonly pageBytes: number;
    readonly windowInstructions: number;
    /** Whose own instructions those are. */
    readonly windowVcpus: readonly number[];
  },
  FootprintResult
>;

export type HeatReport = AnalysisReport<
  {
    /** Smallest size of a row. */
    readonly unitBytes: number;
    readonly windowInstructions: number;
    /** Whose own instructions those are. */
    readonly windowVcpus: readonly number[];
    readonly rows: number;
  },
  HeatFigures
>;

export type HotReport = AnalysisReport<
  { readonly lineBytes: number; readonly pageBytes: number; readonly reportTop: number },
  HotFigures
>;

export interface AnalysisFigures {
  /** In one thread, decoding included: all accesses of the trace by the median time. */
  readonly accessesPerSecond: number;
  /** The same by processor time: what a quiet machine would come to. */
  readonly accessesPerCpuSecond: number;
  /** Median time of one thread over that of two. */
  readonly scalingTwoWorkers: number;
  /** Highest resident memory of any run, node itself included. */
  readonly peakBytes: number;
}

export interface BenchAnalyseResult {
  readonly benchmark: 'analyse';
  readonly date: string;
  readonly machine: Machine;
  readonly accesses: number;
  readonly runs: number;
  readonly analyses: Readonly<Record<string, AnalysisFigures>>;
}
