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
  Digesting,
  FreeAnalysis,
  Shard,
  ShardedAnalysis,
  TraceShape,
} from './analysis.ts';
export {
  type CacheLevelResult,
  type CacheResult,
  cacheAnalysis,
  chooseCacheAnalysis,
} from './cache/cache-analysis.ts';
export { type CacheGeometry, REPLACE_POLICIES, type ReplacePolicy } from './cache/geometry.ts';
export {
  type CacheParameters,
  DATA_PREFETCHERS,
  LEVEL_NAMES,
  type LevelName,
  requireCacheParameters,
} from './cache/parameters.ts';
export { type CountsParameters, type CountsResult, countsAnalysis } from './counts.ts';
export {
  type FootprintParameters,
  type FootprintResult,
  footprintAnalysis,
} from './footprint.ts';
export type { FootprintPart } from './footprint-tally.ts';
export { copyStretch, createGatherer, type SharedMemory, sharedMemory } from './gather.ts';
export { type HeatParameters, type HeatResult, type HeatRow, heatAnalysis } from './heat.ts';
export { type HotParameters, type HotResult, type HotUnits, hotAnalysis } from './hot.ts';
export { createInstructionTable, type InstructionTable } from './instruction-table.ts';
export { type RateParameters, type RateResult, type RateWindow, rateAnalysis } from './rate.ts';
export { findAnalysis } from './registry.ts';
export {
  chooseReuseAnalysis,
  type MissRatio,
  type ReuseBin,
  type ReusedLine,
  type ReuseResult,
} from './reuse/reuse-analysis.ts';
export {
  type ReuseParameters,
  type ReuseSampling,
  requireReuseParameters,
} from './reuse/reuse-parameters.ts';
export {
  type AddressSpan,
  chooseRows,
  chunkMayMatch,
  createSelector,
  isOfSpace,
  type SelectedSpace,
  type Selection,
  type Selector,
  type Span,
  selectionColumns,
  selectionNotes,
} from './selection.ts';
export { requireSelectable } from './selection-needs.ts';
export type { SharedLine } from './sharing/line-table.ts';
export {
  requireSharingParameters,
  type SharingParameters,
  type SharingResult,
  sharingAnalysis,
} from './sharing/sharing.ts';
export {
  classifyStrides,
  confidentShare,
  REGULAR_SHARE,
  type StrideClass,
  type StrideCount,
  type StrideSite,
  type StridesResult,
  stridesAnalysis,
} from './strides/strides.ts';
export { type TimeWindows, windowsOver } from './time-windows.ts';
export { chooseTlbAnalysis, type TlbResult } from './tlb/tlb-analysis.ts';
export {
  requireTlbParameters,
  SPACE_RULES,
  type TlbGeometry,
  type TlbParameters,
} from './tlb/tlb-parameters.ts';
export { createTopList } from './top-list.ts';
export { createUnitTable, rowOfUnit, rowsByAddress, type UnitTable } from './unit-table.ts';
