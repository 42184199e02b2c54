// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeBlock, encodeBlock } from './block.ts';
import { createByteLru } from './byte-lru.ts';
import { packArrays, unpackArrays } from './packed.node.ts';

const PLACES = 5000;
const count = fc.oneof(fc.nat(3), fc.integer({ min: 0, max: 0xffff_ffff }));
const cells = fc.uniqueArray(
  fc.record({ place: fc.nat(PLACES - 1), loads: count, stores: count }),
  { selector: ({ place }) => place, minLength: 1, maxLength: 300, size: 'max' },
);

it('a block gives back its cells', () => {
  fc.assert(
    fc.property(cells, (list) => {
      const sorted = list.toSorted((a, b) => a.place - b.place);
      const columns = {
        place: Uint32Array.from(sorted, ({ place }) => place),
        loads: Uint32Array.from(sorted, ({ loads }) => loads),
        stores: Uint32Array.from(sorted, ({ stores }) => stores),
      };
      const bytes = encodeBlock(columns, 0, sorted.length);
      expect(decodeBlock(bytes, PLACES)).toEqual(columns);
      expect(decodeBlock(bytes, columns.place.at(-1) ?? 0)).toBeUndefined();
      expect(decodeBlock(bytes.subarray(0, -1), PLACES)).toBeUndefined();
    }),
  );
});

it('bytes that are no block give none, and take no memory', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200, size: 'max' }), (bytes) => {
      const found = decodeBlock(bytes, PLACES);
      for (const place of found?.place ?? []) expect(place).toBeLessThan(PLACES);
      expect(found?.place.length ?? 0).toBeLessThanOrEqual(bytes.length / 3);
    }),
  );
  expect(decodeBlock(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0), PLACES)).toBeUndefined();
});

it('packed arrays come back, and other bytes do not', () => {
  fc.assert(
    fc.property(fc.array(fc.array(count), { maxLength: 5 }), (lists) => {
      const arrays = lists.map((list) => Uint32Array.from(list));
      const { stored, rawBytes } = packArrays(arrays);
      expect(unpackArrays(stored, rawBytes, arrays.length)).toEqual(arrays);
      expect(unpackArrays(stored, rawBytes + 4, arrays.length)).toBeUndefined();
      expect(unpackArrays(stored.subarray(0, -1), rawBytes, arrays.length)).toBeUndefined();
      expect(unpackArrays(stored, 2 ** 40, arrays.length)).toBeUndefined();
    }),
  );
});

it('keeps what was used last', () => {
  const lru = createByteLru<string>(10);
  lru.put('a', 'A', 4);
  lru.put('b', 'B', 4);
  expect(lru.find('a')).toBe('A');
  lru.put('c', 'C', 4);
  expect([lru.find('a'), lru.find('b'), lru.find('c')]).toEqual(['A', undefined, 'C']);
  lru.put('c', 'D', 6);
  expect([lru.find('c'), lru.heldBytes]).toEqual(['D', 10]);
  lru.put('large', 'E', 100);
  expect([lru.find('large'), lru.find('c'), lru.heldBytes]).toEqual(['E', undefined, 100]);
});
