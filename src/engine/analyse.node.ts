// SPDX-License-Identifier: Apache-2.0
import type { Trace } from '../format/index.ts';
import { analyseWith } from './analyse.ts';
import type { AnyRequest, PassOptions, ResultsOf } from './pass.ts';
import { runInWorkers } from './run-workers.node.ts';

/** analyseWith, with worker threads. The trace must be a file. */
export async function analyse<const Requests extends readonly AnyRequest[]>(
  trace: Trace,
  requests: Requests,
  options: PassOptions = {},
): Promise<ResultsOf<Requests>> {
  return analyseWith(trace, requests, options, runInWorkers);
}
