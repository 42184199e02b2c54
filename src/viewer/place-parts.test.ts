// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeParts } from './place-parts.ts';

describe('the parts of a place', () => {
  it('are its words and its offset', () => {
    expect(placeParts('__do_page.part.0+0x8b')).toEqual([
      ['__', 'do_', 'page.', 'part.', '0'],
      '+0x8b',
    ]);
    expect(placeParts('memcpy')).toEqual([['memcpy'], '']);
    expect(placeParts('0xffffffff_8100012a')).toEqual([['0xffffffff_'], '8100012a']);
    expect(placeParts('0x7c00')).toEqual([['0x7c00'], '']);
  });

  it('are all of it', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('a', 'b', '_', '.', ':', '+', '0'),
          maxLength: 60,
          size: 'max',
        }),
        (place) => {
          const [words, offset] = placeParts(place);
          expect(words.join('') + offset).toBe(place);
        },
      ),
    );
  });
});
