// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { isInRange } from './version-range.ts';

describe('isInRange', () => {
  it.each([
    ['', 7, 2, true],
    ['>=10', 10, 0, true],
    ['>=10', 9, 2, false],
    ['<10', 7, 2, true],
    ['<10', 10, 0, false],
    ['>=10.1 <11', 10, 0, false],
    ['>=10.1 <11', 10, 2, true],
    ['>=10.1 <11', 11, 1, false],
    ['single', 10, 0, true],
    ['>=10 multi', 10, 0, false],
  ])('"%s" of %i.%i: %s', (range, major, minor, expected) => {
    expect(isInRange({ version: { major, minor }, thread: 'single' }, range)).toBe(expected);
  });

  it('refuses what is none', () => {
    const target = { version: { major: 10, minor: 0 }, thread: 'multi' } as const;
    expect(() => isInRange(target, '=10')).toThrow('"=10" is no range');
  });
});
