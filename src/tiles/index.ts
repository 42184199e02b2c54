// SPDX-License-Identifier: Apache-2.0
// The viewer's index of a trace: built, written, read and asked. docs/view-index.md is its file.

export { type BuildOptions, buildViewIndex } from './build.node.ts';
export { type Builder } from './build-turn.node.ts';
export { type ByteLru, createByteLru } from './byte-lru.ts';
export { type ChunkCacheOptions, createChunkCache } from './chunk-cache.node.ts';
export type { ChunkCache, ChunkColumns } from './chunk-cache.ts';
export { chunksOf, endOfStream } from './chunk-range.ts';
export { isDamage } from './damage.ts';
export { tidyViewIndex } from './left-overs.node.ts';
export { openViewIndex } from './open.node.ts';
export {
  type AddressHalves,
  type DamagedStretch,
  MAX_TILE_SIDE,
  MAX_TRACK_COLUMNS,
  type OrdinalRange,
  type PageAxis,
  type Space,
  type Tile,
  type TileQuery,
  type TouchQuery,
  type Tracks,
  type TracksQuery,
  type VcpuTracks,
  type ViewIndex,
} from './view-index.ts';
