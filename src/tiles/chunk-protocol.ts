// SPDX-License-Identifier: Apache-2.0
// What the cache of chunks and its threads say to each other.

import type { TraceFailure } from '../base/index.ts';
import type { ColumnArrays, ColumnName } from '../format/index.ts';
import type { PageNumbers } from './page-axis.ts';
import type { Space } from './view-index.ts';

export type ChunkOrder = { readonly id: number; readonly chunkIndex: number } & (
  | { readonly type: 'columns'; readonly names: readonly ColumnName[] }
  | { readonly type: 'places'; readonly space: Space; readonly pages: PageNumbers }
);

/**
 * Where the accesses of a chunk were, by rank: what a tile needs of them. A part in a second
 * page comes separately, with the index of its access.
 */
export interface ChunkPlaces {
  /** NO_RANK: it is left out. */
  readonly rank: Uint32Array;
  /** Byte in the page, and PLACE_STORE. */
  readonly offset: Uint16Array;
  readonly secondIndex: Uint32Array;
  readonly secondRank: Uint32Array;
  /** Byte in the page: that of a device may be any. */
  readonly secondByte: Uint16Array;
}

export const NO_RANK = 0xffff_ffff;
export const PLACE_STORE = 0x8000;

export type ChunkReport = { readonly id: number } & (
  | { readonly type: 'columns'; readonly arrays: Partial<ColumnArrays> }
  | { readonly type: 'places'; readonly places: ChunkPlaces }
  | TraceFailure
);
