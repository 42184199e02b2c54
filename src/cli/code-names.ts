// SPDX-License-Identifier: Apache-2.0
// Names of a trace's code for tables: functions by symbols, instructions by their bytes.

import { u64FromBigint } from '../base/index.ts';
import type { CodeTable } from '../format/index.ts';
import { cpuModeOfHflags, decodeInstruction, formatInstruction, usualMode } from '../isa/index.ts';
import type { CodeNames } from '../store/index.ts';
import { findSymbolName, type SymbolTable } from '../symbols/index.ts';

/** `symbols` of the guest's code; undefined when there are none. */
export function codeNames(code: CodeTable, symbols: SymbolTable | undefined): CodeNames {
  return {
    functionOf(block) {
      if (symbols === undefined || code.insnCount(block) === 0) return undefined;
      const { lo, hi } = u64FromBigint(code.vaddr(block));
      return findSymbolName(symbols, lo, hi);
    },
    instructionsOf(block) {
      const hflags = code.mode(block);
      const mode = hflags === undefined ? usualMode(64) : cpuModeOfHflags(hflags);
      const bytes = code.bytes(block);
      const offsets = code.insnOffsets(block);
      return Array.from(offsets, (offset, i) => {
        const own = bytes.subarray(offset, offsets[i + 1]);
        const { mnemonic } = decodeInstruction(own, mode);
        return { mnemonic, text: formatInstruction(own, mode, code.vaddr(block) + BigInt(offset)) };
      });
    },
    *functions() {
      if (symbols === undefined) return;
      for (let row = 0; row < symbols.length; row++) {
        const address =
          (BigInt(symbols.addressHi[row] ?? 0) << 32n) | BigInt(symbols.addressLo[row] ?? 0);
        yield { name: symbols.name[row] ?? '', module: symbols.module[row] ?? '', address };
      }
    },
  };
}
