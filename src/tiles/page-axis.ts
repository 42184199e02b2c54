// SPDX-License-Identifier: Apache-2.0
import { partitionPoint } from '../base/index.ts';
import { PAGE_SHIFT } from './layout.ts';
import type { PageAxis } from './view-index.ts';

/** Page numbers (address >> 12) in halves, ascending: memory that threads share. */
export interface PageNumbers {
  readonly lo: Uint32Array<SharedArrayBuffer>;
  readonly hi: Uint32Array<SharedArrayBuffer>;
}

/** From the distances between page numbers; undefined: they leave the 52 bits of a page number. */
export function pageNumbersOf(
  distanceLo: Uint32Array,
  distanceHi: Uint32Array,
): PageNumbers | undefined {
  const count = distanceLo.length;
  const lo = new Uint32Array(new SharedArrayBuffer(4 * count));
  const hi = new Uint32Array(new SharedArrayBuffer(4 * count));
  let page = 0;
  for (let rank = 0; rank < count; rank++) {
    const distance = distanceHi[rank] * 2 ** 32 + distanceLo[rank];
    page += distance;
    if (page >= 2 ** 52 || (distance === 0 && rank > 0)) return undefined;
    lo[rank] = page % 2 ** 32;
    hi[rank] = Math.floor(page / 2 ** 32);
  }
  return { lo, hi };
}

export function createPageAxis({ lo, hi }: PageNumbers): PageAxis {
  const count = lo.length;
  return {
    count,
    addressOf(rank) {
      if (!Number.isInteger(rank) || rank < 0 || rank >= count) {
        throw new RangeError(`no page has the rank ${rank}: 0 to ${count - 1}`);
      }
      return {
        lo: (lo[rank] << PAGE_SHIFT) >>> 0,
        hi: ((hi[rank] << PAGE_SHIFT) | (lo[rank] >>> (32 - PAGE_SHIFT))) >>> 0,
      };
    },
    rankOf(addressLo, addressHi) {
      const pageLo = ((addressLo >>> PAGE_SHIFT) | (addressHi << (32 - PAGE_SHIFT))) >>> 0;
      const pageHi = addressHi >>> PAGE_SHIFT;
      const rank = partitionPoint(
        count,
        (one) => hi[one] < pageHi || (hi[one] === pageHi && lo[one] < pageLo),
      );
      return { rank, exact: rank < count && lo[rank] === pageLo && hi[rank] === pageHi };
    },
  };
}
