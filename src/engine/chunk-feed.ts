// SPDX-License-Identifier: Apache-2.0
// One thread's part of a pass: decodes chunks, selects, and gives analyses what they asked for.

import {
  type AccessColumns,
  createSelector,
  type Selection,
  type TraceShape,
} from '../analysis/index.ts';
import type { Trace } from '../format/index.ts';
import {
  type AnyAnalysis,
  addSelected,
  NOTHING_SELECTED,
  type PassPlan,
  type SelectedCounts,
} from './pass.ts';

export interface ChunkFeed {
  /** What the selection leaves of the chunk, stretch by stretch; each is overwritten by the next. */
  stretches(chunkIndex: number, signal?: AbortSignal): AsyncIterable<Stretch>;
  /** So far. */
  readonly selected: SelectedCounts;
}

/** A stretch as an analysis wants it: with aborted accesses or without. */
export type Stretch = (analysis: AnyAnalysis) => AccessColumns;

export function createChunkFeed(
  trace: Trace,
  shape: TraceShape,
  selection: Selection,
  wanted: PassPlan['slices'],
  analyses: readonly AnyAnalysis[],
): ChunkFeed {
  const kinds = new Set(analyses.map(({ aborted = false }) => aborted));
  const selectors = [...kinds].map((aborted) => ({
    aborted,
    selector: createSelector(selection, shape, aborted),
  }));
  let total = NOTHING_SELECTED;
  return {
    async *stretches(chunkIndex, signal) {
      const chunk = trace.chunks[chunkIndex];
      if (chunk === undefined) throw new Error(`internal: no chunk ${chunkIndex}`);
      for (const { selector } of selectors) selector.beginChunk(chunk);
      const slices = trace.slices({
        ...wanted,
        chunks: [chunkIndex],
        ...(signal === undefined ? {} : { signal }),
      });
      for await (const slice of slices) {
        const selected = selectors.map(({ aborted, selector }) => ({
          aborted,
          columns: selector.select(slice),
        }));
        const most = selected.reduce((a, { columns }) => Math.max(a, columns.length), 0);
        const runs = selected[0]?.columns.runs?.length ?? 0;
        total = addSelected(total, { accesses: most, runs });
        yield ({ name, aborted = false }) => {
          const found = selected.find((one) => one.aborted === aborted);
          if (found === undefined) throw new Error(`internal: "${name}" is not of this pass`);
          return found.columns;
        };
      }
    },
    get selected() {
      return total;
    },
  };
}
