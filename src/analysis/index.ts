// SPDX-License-Identifier: Apache-2.0
// Analyses: pure, mergeable consumers of batches of accesses (init, consume, merge, finish).

export type { AccessColumns, PlacedNote, RunColumns } from './access-columns.ts';
export type {
  Analysis,
  FreeAnalysis,
  Shard,
  ShardedAnalysis,
  TraceShape,
} from './analysis.ts';
export {
  consumeTopFunctions,
  type FunctionCount,
  finishTopFunctions,
  initTopFunctions,
  mergeTopFunctions,
  type TopFunctionsResult,
  type TopFunctionsState,
} from './top-functions.ts';
export {
  consumeTopPages,
  finishTopPages,
  initTopPages,
  mergeTopPages,
  type PageCount,
  type TopPagesResult,
  type TopPagesState,
} from './top-pages.ts';
