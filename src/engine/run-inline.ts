// SPDX-License-Identifier: Apache-2.0
// The whole pass in this thread: each analysis has one state, which sees everything in order.

import type { TraceShape } from '../analysis/index.ts';
import { releaseLargeKernel, type Trace } from '../format/index.ts';
import { createChunkFeed } from './chunk-feed.ts';
import type { PassOutcome, PassPlan } from './pass.ts';

export async function runInline(
  trace: Trace,
  shape: TraceShape,
  plan: PassPlan,
  onProgress: ((part: number) => void) | undefined,
  signal: AbortSignal | undefined,
): Promise<PassOutcome> {
  const analyses = plan.requests.map(({ analysis }) => analysis);
  const feed = createChunkFeed(trace, shape, plan, analyses);
  const running = plan.requests.map(({ analysis, parameters }) => ({
    analysis,
    state: analysis.init(parameters, shape, { index: 0, count: 1 }),
  }));
  let done = 0;
  for (const chunkIndex of plan.chunks) {
    signal?.throwIfAborted();
    for await (const stretch of feed.stretches(chunkIndex, signal)) {
      for (const { analysis, state } of running) {
        const columns = stretch(analysis);
        if (columns !== undefined) analysis.consume(state, columns);
      }
    }
    done++;
    onProgress?.(done / plan.chunks.length);
  }
  releaseLargeKernel();
  const states = running.map(({ analysis, state }) => analysis.harvest?.(state, true) ?? state);
  return { states, selected: feed.selected };
}
