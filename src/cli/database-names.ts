// SPDX-License-Identifier: Apache-2.0
// What the tables of `query` say of code: functions by symbols, instructions by their bytes.

import { u64FromBigint } from '../base/index.ts';
import type { CodeTable } from '../format/index.ts';
import type { DatabaseNames } from '../store/index.ts';
import { formatSymbol, type GuestSymbols } from '../symbols/index.ts';
import { traceNames } from './trace-names.ts';

export function databaseNames(code: CodeTable, symbols: GuestSymbols): DatabaseNames {
  const names = traceNames(code, symbols);
  return {
    functionOf(block) {
      if (code.insnCount(block) === 0) return undefined;
      const vaddr = code.vaddr(block);
      const { lo, hi } = u64FromBigint(vaddr);
      const place = symbols.findCode(block, lo, hi);
      if (place === undefined) return undefined;
      const { module, offset } = place;
      return { name: formatSymbol(place), module, address: vaddr - BigInt(offset) };
    },
    instructionsOf: (block) =>
      Array.from({ length: code.insnCount(block) }, (_, insn) => ({
        mnemonic: names.mnemonicOf(block, insn),
        text: names.textOf(block, insn),
      })),
  };
}
