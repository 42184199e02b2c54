// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { type TakenChunk, takeOrder } from './take-order.ts';

const alike: TakenChunk = { accessCount: 4e6, blockCount: 2e6, payloadBytes: 5e5 };

it('is that of the file for chunks that take equally long', () => {
  const chunks = Array.from({ length: 40 }, (_, index) => 3 * index);
  expect(takeOrder(chunks, 2, () => alike)).toEqual(chunks);
});

it('has the longest of the last ones first, and leaves those before them alone', () => {
  const chunks = Array.from({ length: 20 }, (_, index) => index);
  const longer: ReadonlyMap<number, TakenChunk> = new Map([
    [1, { ...alike, payloadBytes: 9e5 }],
    [19, { ...alike, payloadBytes: 9e5 }],
    [15, { ...alike, blockCount: 5e6 }],
  ]);
  const order = takeOrder(chunks, 2, (index) => longer.get(index) ?? alike);
  expect(order.slice(0, 7)).toEqual([0, 1, 2, 3, 15, 19, 4]);
  expect(order.toSorted((a, b) => a - b)).toEqual(chunks);
});

it('is longest first when there are few', () => {
  const order = takeOrder([0, 1, 2], 8, (index) => ({ ...alike, accessCount: index * 1e6 }));
  expect(order).toEqual([2, 1, 0]);
});
