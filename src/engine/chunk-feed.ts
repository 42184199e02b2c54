// SPDX-License-Identifier: Apache-2.0
// One thread's part of a pass: decodes chunks, selects, and gives analyses what they asked for.

import { type AccessColumns, createSelector, type TraceShape } from '../analysis/index.ts';
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

/** A stretch as an analysis wants it: with aborted accesses or without; undefined when it is none of its business. */
export type Stretch = (analysis: AnyAnalysis) => AccessColumns | undefined;

export function createChunkFeed(
  trace: Trace,
  shape: TraceShape,
  plan: Pick<PassPlan, 'selection' | 'slices' | 'notesOnly'>,
  analyses: readonly AnyAnalysis[],
): ChunkFeed {
  const { selection, slices: wanted } = plan;
  const notesOnly = new Set(plan.notesOnly);
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
      const slices = trace.slices({
        ...wanted,
        chunks: [chunkIndex],
        ...(notesOnly.has(chunkIndex) ? { notesOnly: true } : {}),
        ...(signal === undefined ? {} : { signal }),
      });
      if (notesOnly.has(chunkIndex)) {
        for await (const slice of slices) yield (analysis) => toldEarlier(analysis, slice);
        return;
      }
      for (const { selector } of selectors) selector.beginChunk(chunk);
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

/** A chunk that the selection passes over. */
function toldEarlier({ mappings }: AnyAnalysis, slice: AccessColumns): AccessColumns | undefined {
  return mappings === true ? slice : undefined;
}
