// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { csvField, csvHead, csvLine } from './access-csv.ts';
import type { AccessRow } from './protocol.ts';

const row: AccessRow = {
  ordinal: 1234,
  icount: 5678,
  vcpu: 0,
  cpl: 3,
  pc: '0x401000',
  place: 'main+0x4',
  disassembly: 'mov rax, [rsi+rax*8], 1',
  vaddr: '0xffff888012345678',
  paddr: null,
  size: 8,
  kind: 'load',
  origin: 'instruction',
  device: false,
  aborted: false,
};

describe('the list of accesses as CSV', () => {
  it('has a value for each name', () => {
    expect(csvHead()).toBe(
      'ordinal,icount,vcpu,cpl,kind,size,vaddr,paddr,place,disassembly,origin,pc,device,aborted\n',
    );
    expect(csvLine(row)).toBe(
      '1234,5678,0,3,load,8,0xffff888012345678,,main+0x4,"mov rax, [rsi+rax*8], 1",instruction,0x401000,false,false\n',
    );
  });

  it('quotes what would break a line, and formulas are text', () => {
    expect(csvField('a "b", c')).toBe('"a ""b"", c"');
    expect(csvField('two\nlines')).toBe('"two\nlines"');
    expect(csvField('=1+1')).toBe("'=1+1");
    expect(csvField('@SUM(A1)')).toBe("'@SUM(A1)");
    expect(csvField(-5)).toBe('-5');
    expect(csvField(null)).toBe('');
  });
});
