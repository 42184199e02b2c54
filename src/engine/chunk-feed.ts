// SPDX-License-Identifier: Apache-2.0
// One thread's part of a pass: decodes chunks, selects, and lets analyses consume.

import {
  type AccessColumns,
  createSelector,
  type Selection,
  type TraceShape,
} from '../analysis/index.ts';
import type { Trace } from '../format/index.ts';
import type { PassPlan } from './pass.ts';

export interface ChunkFeed {
  /** Stretches of the chunk that the selection leaves; each is overwritten by the next. */
  stretches(chunkIndex: number, signal?: AbortSignal): AsyncIterable<AccessColumns>;
  /** Accesses and block executions that were left by the selection so far. */
  readonly selectedCount: number;
}

export function createChunkFeed(
  trace: Trace,
  shape: TraceShape,
  selection: Selection,
  wanted: PassPlan['slices'],
): ChunkFeed {
  const selector = createSelector(selection, shape);
  let selectedCount = 0;
  return {
    async *stretches(chunkIndex, signal) {
      const chunk = trace.chunks[chunkIndex];
      if (chunk === undefined) throw new Error(`internal: no chunk ${chunkIndex}`);
      selector.beginChunk(chunk);
      const slices = trace.slices({
        ...wanted,
        chunks: [chunkIndex],
        ...(signal === undefined ? {} : { signal }),
      });
      for await (const slice of slices) {
        const selected = selector.select(slice);
        selectedCount += selected.length + (selected.runs?.length ?? 0);
        yield selected;
      }
    },
    get selectedCount() {
      return selectedCount;
    },
  };
}
