// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  add64,
  bigintFromU64,
  compare64,
  findNumberFromU64,
  formatHex64,
  formatHex64Padded,
  parseHex64,
  shiftRight64,
  sub64,
  u64,
  u64FromBigint,
  u64FromNumber,
} from './u64.ts';

const MASK = (1n << 64n) - 1n;
const any64 = fc.oneof(
  fc.bigInt({ min: 0n, max: MASK }),
  // Where carries and signs go wrong.
  fc.constantFrom(0n, 1n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 1n << 32n, 1n << 63n, MASK),
);

describe('u64 halves agree with bigint', () => {
  it('in both conversions', () => {
    fc.assert(
      fc.property(any64, (value) => {
        const { lo, hi } = u64FromBigint(value);
        expect(bigintFromU64(lo, hi)).toBe(value);
        expect(bigintFromU64(lo | 0, hi | 0)).toBe(value);
      }),
    );
  });

  it('in sum, difference and order', () => {
    fc.assert(
      fc.property(any64, any64, (a, b) => {
        const x = u64FromBigint(a);
        const y = u64FromBigint(b);
        const sum = add64(x.lo, x.hi, y.lo, y.hi);
        const difference = sub64(x.lo, x.hi, y.lo, y.hi);
        expect(bigintFromU64(sum.lo, sum.hi)).toBe((a + b) & MASK);
        expect(bigintFromU64(difference.lo, difference.hi)).toBe((a - b) & MASK);
        expect(Math.sign(compare64(x.lo, x.hi, y.lo, y.hi))).toBe(a < b ? -1 : a > b ? 1 : 0);
        // The same halves as a signed column would hold them.
        expect(Math.sign(compare64(x.lo | 0, x.hi | 0, y.lo | 0, y.hi | 0))).toBe(
          a < b ? -1 : a > b ? 1 : 0,
        );
      }),
    );
  });

  it('in every shift', () => {
    fc.assert(
      fc.property(any64, fc.integer({ min: 0, max: 63 }), (value, shift) => {
        const { lo, hi } = u64FromBigint(value);
        const shifted = shiftRight64(lo, hi, shift);
        expect(bigintFromU64(shifted.lo, shifted.hi)).toBe(value >> BigInt(shift));
      }),
    );
  });

  it('in hexadecimal, there and back', () => {
    fc.assert(
      fc.property(any64, (value) => {
        const { lo, hi } = u64FromBigint(value);
        expect(formatHex64(lo, hi)).toBe(`0x${value.toString(16)}`);
        expect(formatHex64Padded(lo, hi)).toBe(`0x${value.toString(16).padStart(16, '0')}`);
        expect(parseHex64(formatHex64(lo, hi))).toEqual({ lo, hi });
        expect(parseHex64(formatHex64Padded(lo, hi))).toEqual({ lo, hi });
      }),
    );
  });
});

describe('u64', () => {
  it('reads the spellings people use', () => {
    const kernel = { lo: 0x1234_5678, hi: 0xffff_8880 };
    expect(parseHex64('ffff888012345678')).toEqual(kernel);
    expect(parseHex64(' 0XFFFF_8880_1234_5678 ')).toEqual(kernel);
    expect(parseHex64('0x0000000000000000001')).toEqual({ lo: 1, hi: 0 });
  });

  it.each(['', '0x', 'xyz', '-1', '0x1ffffffffffffffff', '1_', '_1', '1.0'])(
    'refuses %j',
    (text) => {
      expect(parseHex64(text)).toBeUndefined();
    },
  );

  it('makes halves unsigned', () => {
    expect(u64(-1, -2)).toEqual({ lo: 0xffff_ffff, hi: 0xffff_fffe });
  });

  it('takes only numbers that a double holds exactly', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const { lo, hi } = u64FromNumber(value);
        expect(findNumberFromU64(lo, hi)).toBe(value);
      }),
    );
    expect(findNumberFromU64(0x1234_5678, 0xffff_8880)).toBeUndefined();
    expect(() => u64FromNumber(2 ** 53)).toThrow(RangeError);
    expect(() => u64FromNumber(-1)).toThrow(RangeError);
    expect(() => u64FromBigint(1n << 64n)).toThrow(RangeError);
    expect(() => u64FromBigint(-1n)).toThrow(RangeError);
    expect(() => shiftRight64(0, 0, 64)).toThrow(RangeError);
  });
});
