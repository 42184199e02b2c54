// SPDX-License-Identifier: Apache-2.0
// What a simulation of TLBs is told. Names and defaults follow drcachesim.

import { TraceError } from '../../base/index.ts';
import { isPowerOfTwo, requireSets } from '../cache/geometry.ts';

export interface TlbGeometry {
  readonly entries: number;
  readonly ways: number;
}

export const SPACE_RULES = ['flush', 'tagged'] as const;

/** A new CR3 makes a TLB forget all but global pages; or entries carry their CR3, as with PCIDs. */
export type SpaceRule = (typeof SPACE_RULES)[number];

export interface TlbParameters {
  readonly l1i: TlbGeometry;
  readonly l1d: TlbGeometry;
  /** Of instructions and data. */
  readonly l2: TlbGeometry | undefined;
  /** Entries of the page-walk caches, fully associative; 0: none. They hold what leads to page tables. */
  readonly walkCache: { readonly pml4e: number; readonly pdpte: number; readonly pde: number };
  readonly spaces: SpaceRule;
  /** Every page has that size; undefined: the size that the trace tells. */
  readonly pageBytes: number | undefined;
  /** Instruction fetches too. */
  readonly fetches: boolean;
}

/** Throws TraceError 'bad-argument' for what cannot be simulated, and says why. */
export function requireTlbParameters(parameters: TlbParameters): void {
  const { l1i, l1d, l2, walkCache, pageBytes } = parameters;
  const check = (name: string, geometry: TlbGeometry): void => {
    requireSets(name, { sizeBytes: geometry.entries, ways: geometry.ways }, 1, 'lru');
  };
  check('L1I TLB', l1i);
  check('L1D TLB', l1d);
  if (l2 !== undefined) check('L2 TLB', l2);
  for (const [name, entries] of Object.entries(walkCache)) {
    if (!Number.isSafeInteger(entries) || entries < 0 || entries > 4096) {
      throw new TraceError('bad-argument', `the page-walk cache of ${name} is not possible`, {
        expected: '0 to 4096 entries',
        found: String(entries),
        remedy: 'Give a number within that; 0 leaves it out.',
      });
    }
  }
  if (pageBytes !== undefined && !(isPowerOfTwo(pageBytes) && PAGE_SIZES.includes(pageBytes))) {
    throw new TraceError('bad-argument', 'the page size is not one of x86', {
      expected: '4K, 2M or 1G',
      found: String(pageBytes),
      remedy: 'Give one of those, or none: then pages are as large as the trace says.',
    });
  }
}

const PAGE_SIZES: readonly number[] = [2 ** 12, 2 ** 21, 2 ** 30];
