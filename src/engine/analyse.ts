// SPDX-License-Identifier: Apache-2.0
// Several analyses in one pass over a trace.

import type { TraceShape } from '../analysis/index.ts';
import type { Trace } from '../format/index.ts';
import { affordableThreads } from './affordable-threads.ts';
import {
  type AnyRequest,
  type PassOptions,
  type PassOutcome,
  type PassPlan,
  planPass,
  type ResultsOf,
  requireSelected,
  shapeOfTrace,
} from './pass.ts';
import { runInline } from './run-inline.ts';

/** Runs a pass in worker threads; Node's entry provides one. */
export type WorkerRunner = (
  trace: Trace,
  shape: TraceShape,
  plan: PassPlan,
  options: WorkerOptions,
) => Promise<PassOutcome>;

export interface WorkerOptions
  extends Pick<
    PassOptions,
    'workerUrl' | 'keepsFree' | 'onProgress' | 'signal' | 'lookAheadBytes'
  > {
  readonly workers: number;
}

/**
 * The results, in the order of the requests. Throws TraceError: what reading the trace throws,
 * 'missing-capability' for an analysis that the trace cannot answer, 'empty-selection' when the selection leaves
 * nothing; and the reason of an aborted signal.
 */
export async function analyseWith<const Requests extends readonly AnyRequest[]>(
  trace: Trace,
  requests: Requests,
  options: PassOptions,
  runWorkers: WorkerRunner | undefined,
): Promise<ResultsOf<Requests>> {
  const { selection = {}, workers = 0, onProgress, signal } = options;
  const { mayBeEmpty = false, keepsFree = false } = options;
  const shape = shapeOfTrace(trace);
  const plan = planPass(trace, requests, selection);
  const threads = affordableThreads(shape, workers);
  // One thread with all chunks would only be a longer way to do it.
  const isOne = plan.chunks.length < 2 || threads < Math.min(2, workers);
  const outcome =
    workers === 0 || plan.chunks.length === 0 || (isOne && !keepsFree) || runWorkers === undefined
      ? await runInline(trace, shape, plan, onProgress, signal)
      : await runWorkers(trace, shape, plan, { ...options, workers: threads });
  if (!mayBeEmpty) requireSelected(trace, selection, outcome.selected);
  const results = requests.map(({ analysis }, i) => analysis.finish(outcome.states[i], shape));
  return results as ResultsOf<Requests>;
}
