// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLookAhead } from './look-ahead.ts';

describe('look-ahead', () => {
  it('never holds more than its limit, but for a chunk that is alone', () => {
    const anySizes = fc.array(fc.nat(1000), { minLength: 20, maxLength: 60 });
    fc.assert(
      fc.property(
        anySizes,
        fc.integer({ min: 1, max: 1500 }),
        fc.infiniteStream(fc.boolean()),
        (sizes, limit, turns) => {
          const lookAhead = createLookAhead(limit);
          const waiting: number[] = [];
          let dealt = 0;
          let consumed = 0;
          let stuck = 0;
          while (consumed < sizes.length) {
            const size = sizes[dealt] ?? 0;
            const hasRoom = dealt < sizes.length && lookAhead.hasRoom(size);
            if (hasRoom && turns.next().value === true) {
              lookAhead.hold(dealt++, size);
              waiting.push(size);
            } else if (waiting.length > 0) {
              lookAhead.release(consumed++);
              waiting.shift();
            } else if (!hasRoom) {
              // Nothing waits, and nothing would ever be dealt out again.
              stuck++;
              break;
            }
            const sum = waiting.reduce((a, b) => a + b, 0);
            expect(waiting.length <= 1 || sum <= limit).toBe(true);
          }
          expect(stuck).toBe(0);
        },
      ),
    );
  });

  it('knows better when the chunk is there', () => {
    const lookAhead = createLookAhead(100);
    lookAhead.hold(0, 90);
    expect(lookAhead.hasRoom(20)).toBe(false);
    lookAhead.hold(0, 30);
    expect(lookAhead.hasRoom(70)).toBe(true);
    expect(lookAhead.hasRoom(71)).toBe(false);
  });
});
