// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { AccessFlag, type ColumnName } from '../format/index.ts';
import type { ChunkCache } from '../tiles/index.ts';
import { UNKNOWN } from './access-rows.ts';
import { matchColumns, matcherFor } from './address-match.ts';

/** One access of 8 bytes, 3 of them in a first page: physical addresses of both parts. */
function crossingAt(first: bigint, second: bigint): { chunks: ChunkCache; asked: ColumnName[] } {
  const asked: ColumnName[] = [];
  const all = {
    vaddr: BigUint64Array.of(0x1_ffdn),
    paddr: BigUint64Array.of(first),
    size: Uint8Array.of(8),
    flags: Uint8Array.of(AccessFlag.crossesPage),
    crossings: { index: Uint32Array.of(0), paddr: BigUint64Array.of(second) },
  };
  const refuse = async (): Promise<never> => Promise.reject(new Error('not asked'));
  const chunks: ChunkCache = {
    async columns(chunkIndex, names) {
      asked.push(...names);
      const wanted = Object.entries(all).filter(
        ([name]) => names.some((one) => one === name) || name === 'crossings',
      );
      const head = { chunkIndex, stream: 0, firstOrdinal: 0, length: 1 };
      return { ...head, ...Object.fromEntries(wanted) };
    },
    ...{ places: refuse, release: refuse, close: refuse, heldBytes: 0 },
  };
  return { chunks, asked };
}

const signal = new AbortController().signal;

/** Bytes from `from` on that the access touches, one by one. */
async function bytesTouched(chunks: ChunkCache, from: bigint): Promise<number[]> {
  const columns = await matchColumns(chunks, 0, 'physical', signal);
  const touched: number[] = [];
  for (let at = 0n; at < 16n; at++) {
    const range = { space: 'physical', low: from + at, high: from + at + 1n } as const;
    if (matcherFor(columns, range)(0)) touched.push(Number(at));
  }
  return touched;
}

describe('what a search of physical addresses looks at', () => {
  it('is not the virtual ones, which are the same within a page', async () => {
    const { chunks, asked } = crossingAt(0x7_ffdn, 0x9_000n);
    expect(await bytesTouched(chunks, 0x7_ffan)).toEqual([3, 4, 5]);
    expect(await bytesTouched(chunks, 0x8_ffen)).toEqual([2, 3, 4, 5, 6]);
    expect(asked).not.toContain('vaddr');
  });

  it('is them where only the place in the second page is known', async () => {
    const { chunks, asked } = crossingAt(UNKNOWN, 0x9_000n);
    expect(await bytesTouched(chunks, 0x8_ffen)).toEqual([2, 3, 4, 5, 6]);
    expect(asked).toContain('vaddr');
  });
});
