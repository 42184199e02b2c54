// SPDX-License-Identifier: Apache-2.0
// What every analysing command does around its analysis: opens the trace, chooses the part of it, runs on all
// cores with progress, and can be interrupted.

import type { Selection, TraceShape } from '../analysis/index.ts';
import { ExitCode } from '../base/index.ts';
import {
  type AnyRequest,
  affordableThreads,
  analyse,
  prepareThreads,
  type ResultsOf,
  shapeOfTrace,
} from '../engine/index.ts';
import { openTrace, type Trace } from '../format/index.ts';
import { type CodeNames, codeNames } from '../query/index.ts';
import type { GuestSymbols } from '../symbols/index.ts';
import type { AnalysisReport } from './analysis-results.ts';
import {
  type CliContext,
  type CommandInput,
  JSON_OPTION,
  type OptionSpec,
  printResult,
  threadsFrom,
  wordAt,
} from './command-spec.ts';
import { readGuestSymbols, SYMBOLS_OPTION } from './guest-symbols.ts';
import { withAbort } from './interrupts.ts';
import {
  SELECTION_OPTIONS,
  selectionFrom,
  selectionWords,
  withChoice,
} from './selection-options.ts';
import { statusLine } from './status-line.ts';

export const JOBS_OPTION: OptionSpec = {
  flags: '--jobs <N>',
  description: 'threads; default: one for each core',
};

/** Of commands that run a pass: the engine's affordableThreads() has the rule. */
export const PASS_JOBS_OPTION: OptionSpec = {
  ...JOBS_OPTION,
  description: `${JOBS_OPTION.description}; fewer when the code that ran has millions of instructions`,
};

/** Of every analysing command. */
export const ANALYSIS_OPTIONS: readonly OptionSpec[] = [
  ...SELECTION_OPTIONS,
  SYMBOLS_OPTION,
  PASS_JOBS_OPTION,
  JSON_OPTION,
];

/** The trace that a command analyses, and what was chosen of it. */
export interface AnalysisContext {
  readonly trace: Trace;
  readonly shape: TraceShape;
  readonly symbols: GuestSymbols;
  readonly names: CodeNames;
  readonly selection: Selection;
}

export function reportOf<P, R>(
  analysis: string,
  input: CommandInput,
  { trace }: AnalysisContext,
  parameters: P,
  result: R,
): AnalysisReport<P, R> {
  return {
    analysis,
    file: trace.path,
    parameters: { ...parameters, selection: selectionWords(input) },
    result,
  };
}

/** What a command with one analysis does around it: `work` chooses parameters, runs it and makes the report. */
export async function printAnalysis<R>(
  input: CommandInput,
  context: CliContext,
  render: (report: R) => string,
  work: (analysis: AnalysisContext) => Promise<R>,
): Promise<ExitCode> {
  await printResult(context, input, await withAnalysis(input, context, work), render);
  return ExitCode.ok;
}

/** Opens the file that the command line names, for as long as the work takes. */
export async function withAnalysis<T>(
  input: CommandInput,
  context: CliContext,
  work: (analysis: AnalysisContext) => Promise<T>,
  file: string = wordAt(input, 0),
): Promise<T> {
  const trace = await openTrace(file);
  try {
    if (!trace.complete) {
      context.writeErr('loadstore: note: this trace was cut; "loadstore info" says where\n');
    }
    const shape = shapeOfTrace(trace);
    prepareThreads(Math.min(affordableThreads(shape, workersFrom(input)), trace.chunks.length));
    const symbols = await readGuestSymbols(input, context, trace);
    const names = codeNames(trace.code, symbols);
    const selection = await selectionFrom(input, context, { trace, shape, symbols, names });
    return await work({ trace, shape, symbols, names, selection });
  } finally {
    await trace.close();
  }
}

/** What is analysed; and how far ahead decoded chunks may be of what takes them in order, if not as far as usual. */
interface Passed extends Pick<AnalysisContext, 'trace' | 'selection'> {
  readonly lookAheadBytes?: number;
}

/** Runs analyses in one pass, with a progress line. */
export async function runPass<const Requests extends readonly AnyRequest[]>(
  input: CommandInput,
  context: CliContext,
  { trace, selection, lookAheadBytes }: Passed,
  requests: Requests,
): Promise<ResultsOf<Requests>> {
  const workers = workersFrom(input);
  const line = statusLine(context);
  try {
    return await withAbort(async (signal) =>
      analyse(trace, requests, {
        selection,
        workers,
        ...(lookAheadBytes === undefined ? {} : { lookAheadBytes }),
        signal,
        onProgress: (part) => {
          line.showPart(part, 'reading the trace');
        },
      }),
    );
  } catch (error) {
    throw withChoice(error, input, 'to');
  } finally {
    line.clear();
  }
}

/** Threads beside this one: none for one. Throws TraceError 'bad-argument'. */
export function workersFrom(input: CommandInput): number {
  const threads = threadsFrom(input);
  return threads === 1 ? 0 : threads;
}
