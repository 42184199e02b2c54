// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parametersOf, timeFrom, windowFrom } from './parameters.ts';
import { Refusal } from './refusal.ts';

const of = (query: string): ReturnType<typeof parametersOf> =>
  parametersOf(new URLSearchParams(query));

function messageOf(work: () => unknown): string {
  try {
    return `no refusal: ${String(work())}`;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

describe('whole numbers', () => {
  const bounds = { least: 1, most: 1024 };
  it('are taken within their bounds', () => {
    expect(of('columns=1').whole('columns', bounds)).toBe(1);
    expect(of('columns=1024').whole('columns', bounds)).toBe(1024);
    expect(of('').whole('stream', { least: 0, most: 9, otherwise: 3 })).toBe(3);
  });

  it.each([
    '0',
    '1025',
    '1e3',
    '-1',
    '1.5',
    '',
    ' 1',
    '0x10',
    'NaN',
    'Infinity',
    '99999999999999999999',
  ])('are refused when they are %j, with what is expected', (text) => {
    const query = new URLSearchParams({ columns: text });
    expect(messageOf(() => parametersOf(query).whole('columns', bounds))).toContain(
      'columns: expected a whole number from 1 to 1024, found',
    );
  });

  it('are refused when they are missing or there twice', () => {
    expect(messageOf(() => of('').whole('columns', bounds))).toBe('columns is missing');
    expect(messageOf(() => of('columns=1&columns=2').whole('columns', bounds))).toContain('once');
  });
});

describe('numbers', () => {
  it('are read as JavaScript writes them', () => {
    const bounds = { least: 0, most: 2 ** 40 };
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 ** 40, noNaN: true }), (value) => {
        // As small as a rank can be that somebody zooms to.
        const rank = Math.round(value * 2 ** 12) / 2 ** 12;
        expect(of(`low=${rank}`).number('low', bounds)).toBe(rank);
      }),
    );
  });

  it.each(['Infinity', 'NaN', '1e99', '', '0x1', '-1', '1,5'])(
    'are refused when they are %j',
    (text) => {
      const query = new URLSearchParams({ low: text });
      expect(messageOf(() => parametersOf(query).number('low', { least: 0, most: 10 }))).toContain(
        'low: expected a number from 0 to 10',
      );
    },
  );
});

describe('addresses', () => {
  it('are decimal or hexadecimal, up to 2^64', () => {
    expect(of('a=0xffffffff81000000').findAddress('a')).toBe(0xffff_ffff_8100_0000n);
    expect(of('a=18446744073709551616').findAddress('a')).toBe(2n ** 64n);
    expect(of('').findAddress('a')).toBeUndefined();
  });

  it.each(['0x10000000000000001', '0x', 'ffff', '-0x1', '0x1g'])('are refused as %j', (text) => {
    expect(messageOf(() => of(`a=${text}`).findAddress('a'))).toContain('a: expected an address');
  });
});

describe('a window', () => {
  it('is a stretch of time, with a range of addresses or without', () => {
    expect(windowFrom(of('stream=0&from=10&to=20'))).toEqual({
      ...{ stream: 0, from: 10, to: 20 },
      addresses: undefined,
    });
    const query = 'from=0&to=1&space=physical&lowAddress=0x1000&highAddress=0x2000';
    expect(windowFrom(of(query)).addresses).toEqual({
      ...{ space: 'physical', low: 0x1000n, high: 0x2000n },
    });
  });

  it('is refused when it is empty, backwards, or half', () => {
    expect(messageOf(() => timeFrom(of('from=5&to=5')))).toContain(
      'to: expected more than from, 5',
    );
    expect(messageOf(() => timeFrom(of('from=0&to=9007199254740992')))).toContain('to: expected');
    expect(messageOf(() => windowFrom(of('from=0&to=1&space=virtual&lowAddress=0x1')))).toContain(
      'both or neither',
    );
    const backwards = 'from=0&to=1&space=virtual&lowAddress=0x2&highAddress=0x1';
    expect(messageOf(() => windowFrom(of(backwards)))).toContain('in this order');
  });
});

describe('parameters', () => {
  it('that nobody asked for are refused', () => {
    const parameters = of('from=0&to=1&tow=2');
    timeFrom(parameters);
    expect(
      messageOf(() => {
        parameters.finish();
      }),
    ).toBe('the parameters: expected from, to, found "tow"');
  });

  it('are shown in part when they are long', () => {
    const long = 'x'.repeat(5000);
    expect(messageOf(() => of(`space=${long}`).oneOf('space', ['virtual'])).length).toBeLessThan(
      150,
    );
    expect(messageOf(() => of(`q=${long}`).text('q', 100))).toContain('at most 100 characters');
  });
});
