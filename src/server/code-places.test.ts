// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createCodePlaces } from './code-places.ts';
import { makeUp } from './test-chunks.oracle.ts';

const { trace } = await makeUp(5, 1);
const { code } = trace;

/** All instructions there are, as slow and simple as can be. */
function walk(low: bigint, byteCount: number): Map<number, Set<number>> {
  const found = new Map<number, Set<number>>();
  for (let block = 0; block < code.blockCount; block++) {
    for (const [insn, offset] of code.insnOffsets(block).entries()) {
      const pc = code.vaddr(block) + BigInt(offset);
      if (pc < low || pc >= low + BigInt(byteCount)) continue;
      found.set(block, (found.get(block) ?? new Set()).add(insn));
    }
  }
  return found;
}

it('places of code are those of a walk over every instruction', () => {
  const places = createCodePlaces(code);
  let several = 0;
  for (let block = 0; block < code.blockCount; block++) {
    for (const offset of code.insnOffsets(block)) {
      const pc = code.vaddr(block) + BigInt(offset);
      for (const [low, byteCount] of [
        [pc, 1],
        [pc > 5n ? pc - 5n : 0n, 6],
        [pc + 1n, 40],
        [pc ^ (2n ** 32n), 1],
      ] as const) {
        const wanted = walk(low, byteCount);
        expect(places.within(low, byteCount)).toEqual(wanted);
        if ([...wanted.values()].some(({ size }) => size > 1)) several++;
      }
    }
  }
  expect(several).toBeGreaterThan(3);
});
