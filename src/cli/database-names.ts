// SPDX-License-Identifier: Apache-2.0
// What the tables of `query` say of code: functions by symbols, instructions by their bytes.

import { add64, u64FromBigint } from '../base/index.ts';
import type { CodeTable } from '../format/index.ts';
import { codeNames } from '../query/index.ts';
import type { CodeFunction, DatabaseNames } from '../store/index.ts';
import { formatSymbol, type GuestSymbols, type SymbolPlace } from '../symbols/index.ts';

export function databaseNames(code: CodeTable, symbols: GuestSymbols): DatabaseNames {
  const names = codeNames(code, symbols);
  return {
    functionsOf(block) {
      const offsets = code.insnOffsets(block);
      const vaddr = code.vaddr(block);
      const begin = u64FromBigint(vaddr);
      const placeAt = (offset: number): InsnPlace => {
        const { lo, hi } = add64(begin.lo, begin.hi, offset, 0);
        return { offset, symbol: symbols.findCode(block, lo, hi) };
      };
      const functionAt = ({ offset, symbol }: InsnPlace): CodeFunction | undefined => {
        if (symbol === undefined) return undefined;
        const address = BigInt.asUintN(64, vaddr + BigInt(offset - symbol.offset));
        return { name: formatSymbol(symbol), module: symbol.module, address };
      };
      const [firstOffset] = offsets;
      if (firstOffset === undefined) return [];
      let last = placeAt(firstOffset);
      const stretches = [{ firstInsn: 0, found: functionAt(last) }];
      // A symbol reaches to the next one at most: what begins and ends in one is all in it.
      const isNamed = last.symbol !== undefined && last.symbol.name !== '';
      if (isNamed && isSame(last, placeAt(offsets.at(-1) ?? 0))) return stretches;
      for (let insn = 1; insn < offsets.length; insn++) {
        const place = placeAt(offsets[insn] ?? 0);
        if (!isSame(last, place)) stretches.push({ firstInsn: insn, found: functionAt(place) });
        last = place;
      }
      return stretches;
    },
    instructionsOf: (block) =>
      Array.from({ length: code.insnCount(block) }, (_, insn) => ({
        mnemonic: names.mnemonicOf(block, insn),
        text: names.textOf(block, insn),
      })),
  };
}

interface InsnPlace {
  /** Bytes from the beginning of the block. */
  readonly offset: number;
  readonly symbol: SymbolPlace | undefined;
}

/** Of one block. */
function isSame(one: InsnPlace, other: InsnPlace): boolean {
  if (one.symbol === undefined || other.symbol === undefined) return one.symbol === other.symbol;
  return (
    one.symbol.name === other.symbol.name &&
    other.symbol.offset - one.symbol.offset === other.offset - one.offset
  );
}
