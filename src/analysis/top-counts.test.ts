// SPDX-License-Identifier: Apache-2.0
// Both counters against a count by hand, and the law of mergeable analyses: split anywhere, merge, same answer.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AccessColumns,
  consumeTopFunctions,
  consumeTopPages,
  finishTopFunctions,
  finishTopPages,
  initTopFunctions,
  initTopPages,
  mergeTopFunctions,
  mergeTopPages,
} from './index.ts';

interface Access {
  readonly vaddr: bigint;
  readonly block: number;
  readonly flags: number;
}

const BLOCK_COUNT = 8;
const FUNCTION_NAMES = ['a', 'b', 'c'];
const nameBlock = (block: number): string => FUNCTION_NAMES[block % 3] ?? '';

const anyAccess = fc.record({
  vaddr: fc.oneof(
    fc.bigInt(0n, 0xf_ffffn),
    fc.bigInt(0xffff_8880_0000_0000n, 0xffff_8880_0010_0000n),
    fc.bigInt(0n, 2n ** 64n - 1n),
  ),
  block: fc.nat(BLOCK_COUNT - 1),
  flags: fc.nat(63),
});
const anyAccesses = fc.array(anyAccess, { maxLength: 300 });

function columnsOf(accesses: readonly Access[]): AccessColumns {
  return {
    length: accesses.length,
    vaddr: BigUint64Array.from(accesses, (access) => access.vaddr),
    block: Uint32Array.from(accesses, (access) => access.block),
    flags: Uint8Array.from(accesses, (access) => access.flags),
  };
}

/** The obvious way: a map from key to counts. */
function countByHand<K>(
  accesses: readonly Access[],
  keyOf: (access: Access) => K,
): Map<K, [number, number]> {
  const counts = new Map<K, [number, number]>();
  for (const access of accesses.filter(({ flags }) => (flags & 2) === 0)) {
    const [loads, stores] = counts.get(keyOf(access)) ?? [0, 0];
    const isStore = (access.flags & 1) === 1;
    counts.set(keyOf(access), isStore ? [loads, stores + 1] : [loads + 1, stores]);
  }
  return counts;
}

describe('top pages', () => {
  it('counts each page as a map does', () => {
    fc.assert(
      fc.property(anyAccesses, (accesses) => {
        const state = initTopPages();
        consumeTopPages(state, columnsOf(accesses));
        const result = finishTopPages(state, 1000);
        const byHand = countByHand(accesses, ({ vaddr }) => (vaddr >> 12n) << 12n);
        const found = result.pages.map(
          (page) =>
            [
              (BigInt(page.addressHi) << 32n) | BigInt(page.addressLo),
              [page.loads, page.stores],
            ] as const,
        );
        expect(new Map(found)).toEqual(byHand);
        expect(result.pageCount).toBe(byHand.size);
        const accessCounts = result.pages.map((page) => page.loads + page.stores);
        expect(accessCounts).toEqual(accessCounts.toSorted((a, b) => b - a));
      }),
    );
  });

  it('is the same split anywhere and merged', () => {
    fc.assert(
      fc.property(anyAccesses, fc.nat(), fc.nat(10), (accesses, cutSeed, limit) => {
        const cut = accesses.length === 0 ? 0 : cutSeed % (accesses.length + 1);
        const columns = columnsOf(accesses);
        const whole = initTopPages();
        consumeTopPages(whole, columns);
        const [left, right] = [initTopPages(), initTopPages()];
        consumeTopPages(left, columns, 0, cut);
        consumeTopPages(right, columns, cut, columns.length);
        expect(finishTopPages(mergeTopPages(left, right), limit)).toEqual(
          finishTopPages(whole, limit),
        );
      }),
    );
  });

  it('grows past its first table', () => {
    const accesses = Array.from({ length: 50_000 }, (_, index) => ({
      vaddr: BigInt(index) << 12n,
      block: 0,
      flags: index & 1,
    }));
    const state = initTopPages();
    consumeTopPages(state, columnsOf(accesses));
    const { pageCount, loads, stores } = finishTopPages(state, 0);
    expect({ pageCount, loads, stores }).toEqual({
      pageCount: 50_000,
      loads: 25_000,
      stores: 25_000,
    });
  });
});

describe('top functions', () => {
  it('counts each function as a map does', () => {
    fc.assert(
      fc.property(anyAccesses, (accesses) => {
        const state = initTopFunctions(BLOCK_COUNT);
        consumeTopFunctions(state, columnsOf(accesses));
        const result = finishTopFunctions(state, nameBlock, 10);
        const found = result.functions.map(
          ({ name, loads, stores }) => [name, [loads, stores]] as const,
        );
        expect(new Map(found)).toEqual(countByHand(accesses, ({ block }) => nameBlock(block)));
      }),
    );
  });

  it('is the same split anywhere and merged', () => {
    fc.assert(
      fc.property(anyAccesses, fc.nat(), (accesses, cutSeed) => {
        const cut = accesses.length === 0 ? 0 : cutSeed % (accesses.length + 1);
        const columns = columnsOf(accesses);
        const whole = initTopFunctions(BLOCK_COUNT);
        consumeTopFunctions(whole, columns);
        const left = initTopFunctions(BLOCK_COUNT);
        const right = initTopFunctions(BLOCK_COUNT);
        consumeTopFunctions(left, columns, 0, cut);
        consumeTopFunctions(right, columns, cut, columns.length);
        expect(finishTopFunctions(mergeTopFunctions(left, right), nameBlock, 2)).toEqual(
          finishTopFunctions(whole, nameBlock, 2),
        );
      }),
    );
  });
});
