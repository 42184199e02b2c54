// SPDX-License-Identifier: Apache-2.0
// Counts with the mix of instructions by name: of `counts` and of the report.

import type { CountsResult, TraceShape } from '../analysis/index.ts';
import type { CodeNames } from './code-names.ts';

export interface InstructionShare {
  readonly mnemonic: string;
  readonly executions: number;
}

export type CountsFigures = Omit<CountsResult, 'executions'> & {
  /** Most executed first; together they are `instructions`. */
  readonly byMnemonic: readonly InstructionShare[];
};

/** Instructions that ran, by mnemonic. */
export function countsFigures(
  { executions, ...counts }: CountsResult,
  shape: TraceShape,
  names: CodeNames,
): CountsFigures {
  const byMnemonic = new Map<string, number>();
  for (let block = 0; block < shape.blockCount; block++) {
    const begin = shape.insnBase[block] ?? 0;
    const end = shape.insnBase[block + 1] ?? 0;
    for (let at = begin; at < end; at++) {
      const count = executions[at] ?? 0;
      if (count === 0) continue;
      const mnemonic = names.mnemonicOf(block, at - begin);
      byMnemonic.set(mnemonic, (byMnemonic.get(mnemonic) ?? 0) + count);
    }
  }
  return {
    ...counts,
    byMnemonic: [...byMnemonic]
      .map(([mnemonic, count]) => ({ mnemonic, executions: count }))
      .sort((a, b) => b.executions - a.executions || (a.mnemonic < b.mnemonic ? -1 : 1)),
  };
}
