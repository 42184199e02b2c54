// SPDX-License-Identifier: Apache-2.0
// The column `function` as numbers of its words. Most blocks are in one function, and say so by themselves; those that
// run over a symbol say it of each instruction.

import type { Trace } from '../format/index.ts';
import { NO_WORD } from './scan-columns.ts';
import type { DatabaseNames } from './tables.ts';

export interface FunctionNumbers {
  /** Of each block: the word of all its instructions, NO_WORD, or BY_INSN and where its first one is in `ofInsn`. */
  readonly ofBlock: Uint32Array;
  /** A word or NO_WORD each. */
  readonly ofInsn: Uint32Array;
}

/** No word has such a number. */
export const BY_INSN = 0x8000_0000;

/** For those who do not ask. */
export const NO_FUNCTIONS: FunctionNumbers = {
  ofBlock: new Uint32Array(0),
  ofInsn: new Uint32Array(0),
};

/** `words`: of the column, by their numbers. */
export function numberFunctions(
  { code }: Pick<Trace, 'code'>,
  names: Pick<DatabaseNames, 'functionsOf'>,
): { readonly words: readonly string[]; readonly functions: FunctionNumbers } {
  const words = new Map<string, number>();
  const wordOf = (name: string | undefined): number => {
    if (name === undefined) return NO_WORD;
    const word = words.get(name) ?? words.size;
    words.set(name, word);
    return word;
  };
  const ofBlock = new Uint32Array(code.blockCount).fill(NO_WORD);
  const ofInsn: number[] = [];
  for (let block = 0; block < ofBlock.length; block++) {
    const stretches = names.functionsOf(block);
    if (stretches.length <= 1) {
      ofBlock[block] = wordOf(stretches[0]?.found?.name);
      continue;
    }
    ofBlock[block] = BY_INSN + ofInsn.length;
    for (const [i, { firstInsn, found }] of stretches.entries()) {
      const end = stretches[i + 1]?.firstInsn ?? code.insnCount(block);
      const word = wordOf(found?.name);
      for (let insn = firstInsn; insn < end; insn++) ofInsn.push(word);
    }
  }
  return { words: [...words.keys()], functions: { ofBlock, ofInsn: Uint32Array.from(ofInsn) } };
}
