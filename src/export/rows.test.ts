// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { openEncoded } from './exported.oracle.ts';
import { OutputBuffer } from './output-buffer.ts';
import { PROGRAM } from './program.oracle.ts';
import {
  instructionTexts,
  type RowColumns,
  type RowFormat,
  RowWriter,
  wideColumns,
} from './rows.ts';

const BATCH: RowColumns = {
  firstOrdinal: 7,
  length: 3,
  vaddr: BigUint64Array.of(0xffff_8880_0000_1000n, 0x2ffcn, 0xf000n),
  pc: BigUint64Array.of(0xffff_ffff_8100_0000n, 0x40_1000n, 0xfe05bn),
  paddr: BigUint64Array.of(0x1000n, 2n ** 64n - 1n, 0xf000n),
  icount: BigUint64Array.of(100n, 101n, 8_123_456_789_012n),
  size: Uint8Array.of(8, 8, 4),
  flags: Uint8Array.of(1, 8 | 16, 2 | 4 | 32),
  vcpu: Uint16Array.of(0, 1, 1),
  cpl: Uint8Array.of(0, 3, 255),
  cr3: BigUint64Array.of(0x2a1_0000n, 0x2a1_0000n, 0n),
  block: Uint32Array.of(1, 1, 2),
  insn: Uint16Array.of(0, 1, 0),
};

const textOf =
  (format: RowFormat) =>
  (block: number, insn: number): Uint8Array =>
    new TextEncoder().encode(
      format === 'csv' ? `,0f${block}${insn},` : `,"bytes":"0f${block}${insn}"`,
    );

function draw(format: RowFormat, batch: RowColumns = BATCH): string[] {
  const out = new OutputBuffer();
  const rows = new RowWriter(out, format, textOf(format));
  rows.headline();
  for (let i = 0; i < batch.length; i++) rows.row(batch, wideColumns(batch), i);
  return new TextDecoder().decode(out.take()).split('\n');
}

describe('instructionTexts', () => {
  it('has bytes and function, quoted where they must be', async () => {
    const { code } = (await openEncoded(PROGRAM)).trace;
    const nameCode = (block: number, lo: number): string | undefined =>
      block === 0 ? `f<"x", y>+0x${(lo - 0x40_1000).toString(16)}` : undefined;
    const drawText = (format: RowFormat, block: number, insn: number): string =>
      new TextDecoder().decode(instructionTexts(code, format, nameCode)(block, insn));
    expect(drawText('csv', 0, 1)).toBe(',488b03,"f<""x"", y>+0x1"');
    expect(JSON.parse(`{"a":1${drawText('ndjson', 0, 1)}}`)).toEqual({
      ...{ a: 1, bytes: '488b03', symbol: 'f<"x", y>+0x1' },
    });
    expect(drawText('csv', 3, 0)).toBe(',f3a4,');
    expect(drawText('ndjson', 3, 0)).toBe(',"bytes":"f3a4"');
    expect(drawText('csv', 8, 0)).toBe(',,');
  });
});

describe('RowWriter', () => {
  it('is empty in csv for what is not known', () => {
    expect(draw('csv')).toEqual([
      'ordinal,vcpu,icount,pc,op,size,vaddr,paddr,cpl,cr3,bytes,symbol,marks',
      '7,0,100,0xffffffff81000000,store,8,0xffff888000001000,0x1000,0,0x2a10000,0f10,,',
      '8,1,101,0x401000,load,8,0x2ffc,,3,0x2a10000,0f11,,crosses-page',
      '9,1,8123456789012,0xfe05b,load,4,,0xf000,,0x0,0f20,,aborted device physical',
      '',
    ]);
  });

  it('is missing in ndjson for what is not known', () => {
    const lines = draw('ndjson');
    expect(lines).toHaveLength(4);
    const line: unknown = JSON.parse(lines[2] ?? '');
    expect(line).toEqual({
      ordinal: 9,
      vcpu: 1,
      icount: 8_123_456_789_012,
      pc: '0xfe05b',
      op: 'load',
      size: 4,
      paddr: '0xf000',
      cr3: '0x0',
      bytes: '0f20',
      marks: ['aborted', 'device', 'physical'],
    });
  });

  it('takes ordinals that are not consecutive, and traces without paddr', () => {
    const { paddr: _none, cr3: _neither, ...rest } = BATCH;
    const lines = draw('csv', { ...rest, ordinal: Float64Array.of(7, 9, 12) });
    expect(lines[2]).toBe('9,1,101,0x401000,load,8,0x2ffc,,3,,0f11,,crosses-page');
  });
});
