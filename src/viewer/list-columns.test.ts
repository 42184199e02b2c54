// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { AccessRow } from '../server/protocol.ts';
import { LIST_COLUMNS } from './list-columns.ts';

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

describe('the list of accesses', () => {
  it('says what is not known as such', () => {
    const unknown: AccessRow = {
      ...row,
      cpl: null,
      pc: null,
      place: null,
      disassembly: null,
      vaddr: null,
    };
    const texts = LIST_COLUMNS.map(({ name, text }) => [name, text(unknown)]);
    expect(Object.fromEntries(texts)).toMatchObject({
      cpl: '-',
      vaddr: '-',
      paddr: '-',
      place: '-',
      disassembly: '-',
    });
    const kinds = LIST_COLUMNS.find(({ name }) => name === 'kind');
    expect(kinds?.text({ ...row, aborted: true })).toBe('load, aborted');
  });
});
