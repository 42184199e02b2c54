// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { RowColumns } from '../../export/index.ts';
import { dumpHeadline, dumpLines } from './dump.ts';

const BATCH: RowColumns = {
  firstOrdinal: 7,
  length: 3,
  vaddr: BigUint64Array.of(0xffff_8880_0000_1000n, 0x2ffcn, 0xf000n),
  pc: BigUint64Array.of(0xffff_ffff_8100_0000n, 0x40_1000n, 0xfe05bn),
  paddr: BigUint64Array.of(0x1000n, 2n ** 64n - 1n, 0xf000n),
  icount: BigUint64Array.of(100n, 101n, 101n),
  size: Uint8Array.of(8, 8, 4),
  flags: Uint8Array.of(1, 8 | 16, 2 | 4 | 32),
  vcpu: Uint16Array.of(0, 1, 1),
  cpl: Uint8Array.of(0, 3, 255),
  cr3: BigUint64Array.of(0x2a1_0000n, 0x2a1_0000n, 0n),
  block: Uint32Array.of(1, 1, 2),
  insn: Uint16Array.of(0, 1, 0),
};

const factsOf = (block: number, insn: number): { bytes: string; symbol: string | undefined } => ({
  bytes: `0f${block}${insn}`,
  symbol: block === 1 ? `main+0x${insn} [prog]` : undefined,
});

const draw = (batch: RowColumns = BATCH, hasSymbols = false): string =>
  dumpHeadline(hasSymbols) + [...dumpLines(batch, batch.length, factsOf, hasSymbols)].join('');

describe('dumpLines', () => {
  it('lines up as text, with "-" for what is not known', () => {
    expect(draw()).toBe(`\
     ordinal vcpu         icount                 pc    op size              vaddr          paddr cpl          cr3                bytes marks
           7    0            100 0xffffffff81000000 store    8 0xffff888000001000         0x1000   0    0x2a10000                 0f10
           8    1            101           0x401000  load    8             0x2ffc              -   3    0x2a10000                 0f11 crosses-page
           9    1            101            0xfe05b  load    4                  -         0xf000   -          0x0                 0f20 aborted device physical
`);
  });

  it('shows functions when there are symbols', () => {
    const lines = draw(BATCH, true).split('\n');
    expect(lines.map((line) => line.slice(114))).toEqual([
      '               bytes                               symbol marks',
      '                0f10                      main+0x0 [prog]',
      '                0f11                      main+0x1 [prog] crosses-page',
      '                0f20                                    - aborted device physical',
      '',
    ]);
  });

  it('takes ordinals that are not consecutive, and traces without paddr', () => {
    const { paddr: _none, cr3: _neither, ...rest } = BATCH;
    const lines = draw({ ...rest, ordinal: Float64Array.of(7, 9, 12) }).split('\n');
    expect(lines[3]?.trim().split(/ +/)).toEqual([
      ...['12', '1', '101', '0xfe05b', 'load', '4', '-', '-', '-', '-', '0f20'],
      ...['aborted', 'device', 'physical'],
    ]);
  });
});
