// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TraceError } from './errors.ts';
import {
  formatBytes,
  formatCount,
  formatCountShort,
  formatFactor,
  formatPerThousand,
  formatProgress,
  formatQuantity,
  formatRatio,
  parseCount,
  parseSize,
} from './human-numbers.ts';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [1536, '1.50 KiB'],
    [10 * 1024 ** 2, '10.0 MiB'],
    [1024 ** 3 - 1, '1.00 GiB'],
    [2 * 1024 ** 4, '2.00 TiB'],
    [-1536, '-1.50 KiB'],
  ])('%d -> %s', (sizeBytes, text) => {
    expect(formatBytes(sizeBytes)).toBe(text);
  });
});

describe('formatCountShort', () => {
  it('rounds halves up, as they are written', () => {
    const halves = [4595, 1005, 10_050, 100_500, 9995, -4595];
    expect(halves.map(formatCountShort)).toEqual([
      '4.60 k',
      '1.01 k',
      '10.1 k',
      '101 k',
      '10.0 k',
      '-4.60 k',
    ]);
  });
});

describe('formatQuantity', () => {
  it('has one of one and many of the others', () => {
    expect([0, 1, 2000].map((count) => formatQuantity(count, 'chunk'))).toEqual([
      '0 chunks',
      '1 chunk',
      '2,000 chunks',
    ]);
    expect(formatQuantity(2, 'access', 'accesses')).toBe('2 accesses');
  });
});

describe('formatCount', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [1234567, '1,234,567'],
    [-1234.5, '-1,234.5'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
  ])('%d -> %s', (count, text) => {
    expect(formatCount(count)).toBe(text);
  });

  it('is read back by parseCount', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (count) => {
        expect(parseCount(formatCount(count))).toBe(count);
      }),
    );
  });
});

describe('formatCountShort', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [1000, '1.00 k'],
    [999_949, '1.00 M'],
    [333_000_000, '333 M'],
    [1.6e9, '1.60 G'],
  ])('%d -> %s', (count, text) => {
    expect(formatCountShort(count)).toBe(text);
  });

  it('never shows four digits after scaling', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 1e12 }), (count) => {
        expect(formatCountShort(count)).toMatch(/^(\d\.\d\d|\d\d\.\d|\d\d\d) [kMGT]$/);
      }),
    );
  });
});

describe('formatRatio', () => {
  it.each([
    [1, 8, '12.5 %'],
    [0, 8, '0.00 %'],
    [8, 8, '100 %'],
    [1, 1e9, '< 0.01 %'],
    [1e9 - 1, 1e9, '> 99.99 %'],
    [10_350, 10_354, '99.96 %'],
    [9_994, 10_000, '99.9 %'],
    [9_999, 10_000, '99.99 %'],
    [10_004, 10_000, '100.04 %'],
    [1e9 + 1, 1e9, '< 100.01 %'],
    [10_006, 10_000, '100.06 %'],
    [-10_350, 10_354, '-99.96 %'],
    [-1, 1e9, '> -0.01 %'],
    [1, 0, '-'],
  ])('%d of %d -> %s', (part, whole, text) => {
    expect(formatRatio(part, whole)).toBe(text);
  });
});

it('formatPerThousand: only nothing is 0', () => {
  expect([0, 1, 2].map((events) => formatPerThousand(events, events / 5000))).toEqual([
    ...['0.000', '< 0.001', '< 0.001'],
  ]);
  expect(formatPerThousand(7, 1.2345)).toBe('1.234');
});

it('formatRatio: only nothing is 0 %, only the whole 100 %', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), fc.double({ min: 0, max: 1 }), (whole, at) => {
      const part = Math.round(at * whole);
      const text = formatRatio(part, whole);
      expect(text === '100 %').toBe(part === whole);
      expect(/^0(?:\.0*)? %$/.test(text)).toBe(part === 0);
    }),
  );
});

describe('formatProgress', () => {
  it.each([
    [0, '0 %'],
    [1e-6, '< 1 %'],
    [0.01, '1 %'],
    [0.999, '99 %'],
    [1, '100 %'],
    [1.5, '100 %'],
  ])('%d -> %s', (part, text) => {
    expect(formatProgress(part)).toBe(text);
  });
});

describe('formatFactor', () => {
  it('compares with a baseline', () => {
    expect(formatFactor(3.66, 2)).toBe('1.83x');
    expect(formatFactor(1, 0)).toBe('-');
  });
});

describe('parseSize', () => {
  it.each([
    ['64', 64],
    ['4K', 4096],
    ['4k', 4096],
    ['10M', 10 * 1024 ** 2],
    ['2GiB', 2 * 1024 ** 3],
    ['1.5MB', 1.5 * 1024 ** 2],
    ['512B', 512],
    ['0x1000', 4096],
    ['0', 0],
  ])('%s -> %d', (text, sizeBytes) => {
    expect(parseSize(text)).toBe(sizeBytes);
  });

  it.each(['', 'M', '-1', '1.3', '10Q', '1e3', 'NaN', '99999999P', '4 apples'])(
    'refuses %j and says what would do',
    (text) => {
      const attempt = (): number => parseSize(text, '--ring');
      expect(attempt).toThrow(TraceError);
      expect(attempt).toThrow('--ring is not a whole number');
    },
  );
});

describe('parseCount', () => {
  it.each([
    ['1000', 1000],
    ['1,000,000', 1e6],
    ['10M', 1e7],
    ['250k', 250_000],
    ['1.5G', 1.5e9],
  ])('%s -> %d', (text, count) => {
    expect(parseCount(text)).toBe(count);
  });

  it.each(['', '1,00', '10MB', '1.0001', '-5'])('refuses %j', (text) => {
    expect(() => parseCount(text)).toThrow(TraceError);
  });
});
