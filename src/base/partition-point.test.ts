// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { partitionPoint } from './partition-point.ts';

it('counts what comes before, wherever that ends', () => {
  fc.assert(
    fc.property(fc.nat(200), fc.nat(200), (count, end) => {
      const asked: number[] = [];
      const isBefore = (at: number): boolean => {
        asked.push(at);
        return at < end;
      };
      expect(partitionPoint(count, isBefore)).toBe(Math.min(count, end));
      expect(asked.every((at) => at >= 0 && at < count)).toBe(true);
      expect(asked.length).toBeLessThanOrEqual(Math.ceil(Math.log2(count + 1)));
    }),
  );
});

it('ends where 32 bits do not', () => {
  expect(partitionPoint(2 ** 40, (at) => at < 2 ** 33 + 5)).toBe(2 ** 33 + 5);
});
