// SPDX-License-Identifier: Apache-2.0
// Which instructions lie in a range of addresses. Each question looks at two words of every block.

import { halves, u64FromBigint } from '../base/index.ts';
import type { CodeTable } from '../format/index.ts';

export interface CodePlaces {
  /** Those that begin at the address or in the bytes behind it: by block, their numbers. */
  within(low: bigint, byteCount: number): ReadonlyMap<number, ReadonlySet<number>>;
}

export function createCodePlaces(code: CodeTable): CodePlaces {
  let known: { readonly starts: Uint32Array; readonly lengths: Uint16Array } | undefined;
  /** Of all blocks: in halves, and in bytes. */
  const read = (): NonNullable<typeof known> => {
    const starts = new BigUint64Array(code.blockCount);
    const lengths = new Uint16Array(code.blockCount);
    for (let block = 0; block < code.blockCount; block++) {
      starts[block] = code.vaddr(block);
      lengths[block] = code.bytes(block).byteLength;
    }
    return { starts: halves(starts), lengths };
  };
  return {
    within(low, byteCount) {
      known ??= read();
      const { starts, lengths } = known;
      const { lo, hi } = u64FromBigint(low);
      const found = new Map<number, Set<number>>();
      for (let block = 0; block < lengths.length; block++) {
        // Exact where it is small, and else only its sign and size count.
        const begin = (starts[2 * block + 1] - hi) * 2 ** 32 + (starts[2 * block] - lo);
        if (begin >= byteCount || begin + lengths[block] <= 0) continue;
        const insns = new Set<number>();
        for (const [insn, offset] of code.insnOffsets(block).entries()) {
          if (begin + offset >= 0 && begin + offset < byteCount) insns.add(insn);
        }
        if (insns.size > 0) found.set(block, insns);
      }
      return found;
    },
  };
}
