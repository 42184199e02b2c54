// SPDX-License-Identifier: Apache-2.0
// Analyses: pure, mergeable consumers of batches of accesses (init, consume, merge, finish).

export type { AccessColumns, PlacedNote, RunColumns } from './access-columns.ts';
export {
  type AddressSpace,
  type AddressSpacesParameters,
  type AddressSpacesResult,
  addressSpacesAnalysis,
  type SpacePlace,
} from './address-spaces.ts';
export type {
  Analysis,
  FreeAnalysis,
  Shard,
  ShardedAnalysis,
  TraceShape,
} from './analysis.ts';
export { type CountsParameters, type CountsResult, countsAnalysis } from './counts.ts';
export {
  type FootprintParameters,
  type FootprintPart,
  type FootprintResult,
  footprintAnalysis,
} from './footprint.ts';
export { createGatherer, sharedMemory } from './gather.ts';
export { type HeatParameters, type HeatResult, type HeatRow, heatAnalysis } from './heat.ts';
export { type HotParameters, type HotResult, type HotUnits, hotAnalysis } from './hot.ts';
export { findAnalysis } from './registry.ts';
export {
  type AddressSpan,
  chunkMayMatch,
  createSelector,
  type Selection,
  type Selector,
  type Span,
  selectionColumns,
  selectionNotes,
} from './selection.ts';
export { type TimeWindows, windowsOver } from './time-windows.ts';
