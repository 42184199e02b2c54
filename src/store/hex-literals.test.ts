// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { decimalLiterals } from './hex-literals.ts';

describe('decimalLiterals', () => {
  it.each([
    ['select 0x10', 'select 16'],
    ['where vaddr>=0xFFFF_8880_0000_0000', 'where vaddr>=18446612682070032384'],
    ['in (0x1,0x2)', 'in (1,2)'],
    ['select \'0x10\', "0x10", a0x10, $$0x10$$, $q$ 0x10 $q$ -- 0x10', undefined],
    ["select E'it\\'s 0x10' /* 0x10 ' */ 'it''s 0x10'", undefined],
  ])('%s', (sql, expected) => {
    expect(decimalLiterals(sql)).toBe(expected ?? sql);
  });

  it('finds numbers behind texts and comments', () => {
    expect(decimalLiterals("'a' || 0x1 /* ' */ + 0x2 -- '\n+ 0x3")).toBe(
      "'a' || 1 /* ' */ + 2 -- '\n+ 3",
    );
  });
});
