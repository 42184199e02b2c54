// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COLOUR_MODES } from './view.ts';
import { DEFAULT_STATE, decodeLink, encodeLink, LIST_SCOPES, LOWER_TABS } from './view-link.ts';

const bounds = (most: number) =>
  fc
    .tuple(
      fc.double({ min: 0, max: most, noNaN: true }),
      fc.double({ min: 0, max: most, noNaN: true }),
    )
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => [Math.min(a, b) + 0, Math.max(a, b)] as const);

const regions = fc
  .tuple(bounds(1e10), bounds(1e6))
  .map(([[from, to], [low, high]]) => ({ from, to, low, high }));

const states = fc.record({
  space: fc.constantFrom('virtual' as const, 'physical' as const),
  stream: fc.integer({ min: 0, max: 4000 }),
  region: fc.option(regions),
  colours: fc.constantFrom(...COLOUR_MODES),
  selected: fc.option(regions),
  access: fc.option(fc.integer({ min: 0, max: 1e10 })),
  target: fc.option(
    fc.record({
      space: fc.constantFrom('virtual' as const, 'physical' as const),
      address: fc
        .bigInt({ min: 0n, max: 2n ** 64n - 1n })
        .map((value) => `0x${value.toString(16)}`),
      bytes: fc.integer({ min: 1, max: 1 << 20 }),
      rank: fc.double({ min: 0, max: 1e6, noNaN: true }).map((rank) => rank + 0),
    }),
  ),
  tab: fc.constantFrom(...LOWER_TABS),
  list: fc.constantFrom(...LIST_SCOPES),
  side: fc.constantFrom('start' as const, 'selection' as const),
  sql: fc.string({ unit: 'binary', maxLength: 200 }),
  trace: fc.stringMatching(/^[0-9a-f]{0,64}$/),
});

describe('a link', () => {
  it('reopens exactly what was shown', () => {
    fc.assert(
      fc.property(states, (state) => {
        expect(decodeLink(`#${encodeLink(state)}`)).toEqual(state);
      }),
      { numRuns: 500 },
    );
  });

  it('that is empty shows everything', () => {
    expect(decodeLink('')).toEqual(DEFAULT_STATE);
    expect(decodeLink('#')).toEqual(DEFAULT_STATE);
  });

  it('may say a part of it', () => {
    const { region, space } = decodeLink('space=physical&from=10&to=20&low=0&high=4.5');
    expect(space).toBe('physical');
    expect(region).toEqual({ from: 10, to: 20, low: 0, high: 4.5 });
  });

  it('that names an access or a window shows what it is', () => {
    expect(decodeLink('access=5').side).toBe('selection');
    expect(decodeLink('select=1,2,3,4').side).toBe('selection');
    expect(decodeLink('access=5&side=start').side).toBe('start');
  });

  it.each([
    'from=5&to=5&low=0&high=1',
    'from=9&to=5&low=0&high=1',
    'from=-1&to=5&low=0&high=1',
    'from=NaN&to=Infinity&low=0&high=1',
    'from=1&to=5&low=0',
    'from=&to=&low=&high=',
    'space=elsewhere&colours=pink&tab=x&access=1.5&stream=-1',
    'select=1,2,3&target=virtual,0xzz,1,1',
    'target=virtual,0x10,0,1',
    'target=&select=&access=',
    'list=mine&side=below',
    '%E0%A4%A',
  ])('that makes no sense is left out: %s', (hash) => {
    expect(decodeLink(hash)).toEqual(DEFAULT_STATE);
  });

  it('never breaks the page', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (hash) => {
        const { region } = decodeLink(hash);
        expect(region === null || region.from < region.to).toBe(true);
      }),
    );
  });
});
