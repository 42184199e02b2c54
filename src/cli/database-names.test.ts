// SPDX-License-Identifier: Apache-2.0
// Functions of instructions in the tables of `query` against those that every other command tells.
import { describe, expect, it } from 'vitest';
import { byteSourceFromBytes, openTraceSource } from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import { codeNames } from '../query/index.ts';
import type { GuestSymbols, SymbolPlace } from '../symbols/index.ts';
import { databaseNames } from './database-names.ts';

/** By the low bits of the address. */
function symbolsOf(findCode: (lo: number) => SymbolPlace | undefined): GuestSymbols {
  return {
    findings: [],
    addressMap: 'linux',
    findKernel: () => undefined,
    findNamed: () => [],
    namesLike: () => [],
    findProgram: () => undefined,
    findCode: (_block, lo) => findCode(lo >>> 0),
  };
}

/** Symbols of 4 bytes each, so that nearly all blocks run over some. */
const SHORT = symbolsOf((lo) => ({ name: `f${lo >>> 2}`, module: 'm', offset: lo & 3 }));

const ONE_BYTE = (lo: number): SymbolPlace => ({ name: `g${lo}`, module: '', offset: 0 });

const SOURCES: Readonly<Record<string, GuestSymbols>> = {
  'all in one': symbolsOf((lo) => ({ name: 'f', module: '', offset: lo })),
  'one after the other': SHORT,
  'here and there': symbolsOf((lo) => (lo % 3 === 0 ? ONE_BYTE(lo) : undefined)),
  'in a program whose other code has no symbols': symbolsOf((lo) =>
    lo % 3 === 0 ? ONE_BYTE(lo) : { name: '', module: 'prog', offset: lo },
  ),
  none: symbolsOf(() => undefined),
};

describe('functionsOf', () => {
  it.each(Object.entries(SOURCES))('is that of each instruction: %s', async (what, symbols) => {
    const program = { seed: 3, blockCount: 400, executions: 3, streams: 1, oddity: 0.2 };
    const { bytes } = encodeTrace(randomTrace(program));
    const { code } = await openTraceSource(byteSourceFromBytes(bytes));
    const names = codeNames(code, symbols);
    const tableNames = databaseNames(code, symbols);
    let longest = 0;
    for (let block = 0; block < code.blockCount; block++) {
      const stretches = tableNames.functionsOf(block);
      longest = Math.max(longest, stretches.length);
      for (let insn = 0; insn < code.insnCount(block); insn++) {
        const stretch = stretches.findLast(({ firstInsn }) => firstInsn <= insn);
        expect(stretch?.found?.name).toBe(names.functionOf(block, insn));
      }
      expect(stretches.length === 0).toBe(code.insnCount(block) === 0);
    }
    expect(longest > 1).toBe(what !== 'all in one' && what !== 'none');
  });

  it('says where each function begins', async () => {
    const program = { seed: 3, blockCount: 40, executions: 3, streams: 1, oddity: 0 };
    const { bytes } = encodeTrace(randomTrace(program));
    const { code } = await openTraceSource(byteSourceFromBytes(bytes));
    const tableNames = databaseNames(code, SHORT);
    for (let block = 0; block < code.blockCount; block++) {
      const offsets = code.insnOffsets(block);
      expect(tableNames.functionsOf(block).map(({ found }) => found?.address)).toEqual(
        tableNames
          .functionsOf(block)
          .map(({ firstInsn }) => (code.vaddr(block) + BigInt(offsets[firstInsn] ?? 0)) & ~3n),
      );
    }
  });
});
