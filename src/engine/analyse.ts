// SPDX-License-Identifier: Apache-2.0
// Several analyses in one pass over a trace.

import type { TraceShape } from '../analysis/index.ts';
import type { Trace } from '../format/index.ts';
import {
  type AnyRequest,
  emptySelectionError,
  type PassOptions,
  type PassOutcome,
  type PassPlan,
  planPass,
  type ResultsOf,
  shapeOfTrace,
} from './pass.ts';
import { runInline } from './run-inline.ts';

/** Runs a pass in worker threads; Node's entry provides one. */
export type WorkerRunner = (
  trace: Trace,
  shape: TraceShape,
  plan: PassPlan,
  workers: number,
  onProgress: ((part: number) => void) | undefined,
  signal: AbortSignal | undefined,
) => Promise<PassOutcome>;

/**
 * The results, in the order of the requests. Throws TraceError: what reading the trace throws,
 * 'missing-capability' for an analysis that the trace cannot answer, 'bad-argument' when the selection leaves
 * nothing; and the reason of an aborted signal.
 */
export async function analyseWith<const Requests extends readonly AnyRequest[]>(
  trace: Trace,
  requests: Requests,
  options: PassOptions,
  runWorkers: WorkerRunner | undefined,
): Promise<ResultsOf<Requests>> {
  const { selection = {}, workers = 0, onProgress, signal } = options;
  const shape = shapeOfTrace(trace);
  const plan = planPass(trace, shape, requests, selection);
  const outcome =
    workers === 0 || runWorkers === undefined
      ? await runInline(trace, shape, plan, onProgress, signal)
      : await runWorkers(trace, shape, plan, workers, onProgress, signal);
  const restricts = Object.values(selection).some((criterion) => criterion !== undefined);
  if (restricts && outcome.selectedCount === 0) throw emptySelectionError(trace, selection);
  const results = requests.map(({ analysis }, i) => analysis.finish(outcome.states[i], shape));
  return results as ResultsOf<Requests>;
}
