// SPDX-License-Identifier: Apache-2.0
// Numbers of instructions, and what strings say of the same code.
import { expect, it } from 'vitest';
import { byteSourceFromBytes, type CodeTable, openTraceSource } from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import { createInstructionTable } from './instruction-table.ts';

/** Twice the blocks of a table, and their bytes; `changed`: one byte of the second half's instructions is another. */
function twice(code: CodeTable, changed: (id: number) => boolean): CodeTable {
  const of = (id: number): number => id % code.blockCount;
  return {
    blockCount: 2 * code.blockCount,
    vaddr: (id) => code.vaddr(of(id)),
    insnCount: (id) => code.insnCount(of(id)),
    mode: (id) => code.mode(of(id)),
    flags: (id) => code.flags(of(id)),
    insnOffsets: (id) => code.insnOffsets(of(id)),
    bytes(id) {
      const bytes = code.bytes(of(id));
      return id >= code.blockCount && changed(id) ? bytes.map((byte) => byte ^ 1) : bytes;
    },
  };
}

function identityOf(code: CodeTable, block: number, insn: number): string {
  const offsets = code.insnOffsets(block);
  const bytes = code.bytes(block).subarray(offsets[insn], offsets[insn + 1]);
  const address = code.vaddr(block) + BigInt(offsets[insn] ?? 0);
  const isCode = code.insnCount(block) > 0;
  const [cs32, cs64] = [4, 15].map((bit) => ((code.mode(block) ?? 0x8000) >> bit) & 1);
  const bits = cs64 === 1 ? 64 : cs32 === 1 ? 32 : 16;
  return `${address} ${isCode ? bits : 'none'} ${bytes.join(' ')}`;
}

it('gives the same code at the same address one number, in the order in which it is seen', async () => {
  const { bytes } = encodeTrace(
    randomTrace({ seed: 3, blockCount: 700, executions: 20, streams: 1, oddity: 0.1 }),
  );
  const { code } = await openTraceSource(byteSourceFromBytes(bytes));
  const doubled = twice(code, (id) => id % 3 === 0);
  const table = createInstructionTable(doubled);
  const numbers = new Map<string, number>();
  let asked = 0;
  for (let block = 0; block < doubled.blockCount; block++) {
    for (let insn = 0; insn < Math.max(1, doubled.insnCount(block)); insn++) {
      const identity = identityOf(doubled, block, insn);
      const number = numbers.get(identity) ?? numbers.size;
      numbers.set(identity, number);
      expect(table.numberOf(block, insn)).toBe(number);
      const { block: first, insn: firstInsn } = table.placeOf(number);
      expect(identityOf(doubled, first, firstInsn)).toBe(identity);
      asked++;
    }
  }
  expect(table.count).toBe(numbers.size);
  expect(table.count).toBeGreaterThan(1024);
  expect(table.count).toBeLessThan(asked);
});
