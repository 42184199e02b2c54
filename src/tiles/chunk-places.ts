// SPDX-License-Identifier: Apache-2.0
// Ranks instead of addresses: the accesses of a chunk as tiles want them.

import { createUnitTable, rowOfUnit, type UnitTable } from '../analysis/index.ts';
import { halves } from '../base/index.ts';
import { type AccessBatch, AccessFlag } from '../format/index.ts';
import { type ChunkPlaces, NO_RANK, PLACE_STORE } from './chunk-protocol.ts';
import { PAGE_BYTES, PAGE_SHIFT } from './layout.ts';
import type { PageNumbers } from './page-axis.ts';
import type { Space } from './view-index.ts';

/** Pages entered in the order of their ranks: a page's row is its rank. */
export function createRankTable({ lo, hi }: PageNumbers): UnitTable {
  const table = createUnitTable(PAGE_SHIFT);
  for (let rank = 0; rank < lo.length; rank++) rowOfUnit(table, lo[rank], hi[rank]);
  return table;
}

export interface PlaceCollector {
  /** Batches of the chunk in order, with flags and size and the address of the space. */
  add(batch: AccessBatch): void;
  finish(): ChunkPlaces;
}

const ONES = 0xffff_ffff;

export function createPlaceCollector(
  space: Space,
  ranks: UnitTable,
  pageCount: number,
  length: number,
): PlaceCollector {
  const rank = new Uint32Array(new ArrayBuffer(4 * length));
  const offset = new Uint16Array(new ArrayBuffer(2 * length));
  const second: { index: number; rank: number; byte: number }[] = [];
  let done = 0;
  /** NO_RANK: the index does not know the page. */
  const rankOf = (pageLo: number, pageHi: number): number => {
    const row = rowOfUnit(ranks, pageLo, pageHi);
    return row < pageCount ? row : NO_RANK;
  };
  const addSecond = (i: number, pageLo: number, pageHi: number, byte: number): void => {
    second.push({ index: done + i, rank: rankOf(pageLo, pageHi), byte });
  };
  return {
    add(batch) {
      const column = space === 'virtual' ? batch.vaddr : batch.paddr;
      const { flags, size } = batch;
      if (column === undefined || flags === undefined || size === undefined) {
        throw new Error('internal: a batch lacks a column');
      }
      const address = halves(column);
      const isVirtual = space === 'virtual';
      const left = AccessFlag.aborted | (isVirtual ? AccessFlag.physicalOnly : 0);
      for (let i = 0; i < batch.length; i++) {
        const lo = address[2 * i];
        const hi = address[2 * i + 1];
        const flag = flags[i];
        const byte = lo & (PAGE_BYTES - 1);
        offset[done + i] = byte | ((flag & AccessFlag.store) === 0 ? 0 : PLACE_STORE);
        if ((flag & left) !== 0) {
          rank[done + i] = NO_RANK;
          continue;
        }
        const pageLo = ((lo >>> PAGE_SHIFT) | (hi << 20)) >>> 0;
        const pageHi = hi >>> PAGE_SHIFT;
        rank[done + i] =
          !isVirtual && lo === ONES && hi === ONES ? NO_RANK : rankOf(pageLo, pageHi);
        if (isVirtual && byte + size[i] > PAGE_BYTES) {
          addSecond(i, (pageLo + 1) >>> 0, pageLo === ONES ? (pageHi + 1) & 0xf_ffff : pageHi, 0);
        }
      }
      if (!isVirtual && batch.crossings !== undefined) {
        const paddr = halves(batch.crossings.paddr);
        for (const [at, i] of batch.crossings.index.entries()) {
          const lo = paddr[2 * at];
          const hi = paddr[2 * at + 1];
          if ((flags[i] & left) !== 0 || (lo === ONES && hi === ONES)) continue;
          addSecond(
            i,
            ((lo >>> PAGE_SHIFT) | (hi << 20)) >>> 0,
            hi >>> PAGE_SHIFT,
            lo & (PAGE_BYTES - 1),
          );
        }
      }
      done += batch.length;
    },
    finish() {
      const secondIndex = new Uint32Array(new ArrayBuffer(4 * second.length));
      const secondRank = new Uint32Array(new ArrayBuffer(4 * second.length));
      const secondByte = new Uint16Array(new ArrayBuffer(2 * second.length));
      for (const [at, one] of second.entries()) {
        secondIndex[at] = one.index;
        secondRank[at] = one.rank;
        secondByte[at] = one.byte;
      }
      return { rank, offset, secondIndex, secondRank, secondByte };
    },
  };
}
