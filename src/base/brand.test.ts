// SPDX-License-Identifier: Apache-2.0
import { describe, expect, expectTypeOf, it } from 'vitest';
import { assertNever, assertTrue, requireDefined } from './assert.ts';
import {
  chunkIndexFromNumber,
  type Icount,
  icountFromNumber,
  type Ordinal,
  ordinalFromNumber,
  vcpuIndexFromNumber,
} from './brand.ts';

describe('branded numbers', () => {
  it('are plain numbers at run time and distinct kinds to the compiler', () => {
    const ordinal = ordinalFromNumber(7);
    expect(ordinal + 1).toBe(8);
    expectTypeOf<Ordinal>().not.toExtend<Icount>();
    expectTypeOf(ordinal + 1).toEqualTypeOf<number>();
    // @ts-expect-error an ordinal is not an instruction count
    const mixed: Icount = ordinal;
    expect(mixed).toBe(7);
  });

  it.each([ordinalFromNumber, icountFromNumber, vcpuIndexFromNumber, chunkIndexFromNumber])(
    'come only from counts: %o',
    (fromNumber) => {
      expect(fromNumber(0)).toBe(0);
      expect(fromNumber(2 ** 53 - 1)).toBe(2 ** 53 - 1);
      for (const bad of [-1, 0.5, Number.NaN, 2 ** 53]) {
        expect(() => fromNumber(bad)).toThrow(RangeError);
      }
    },
  );
});

describe('asserts', () => {
  it('assertNever names the value that nobody handled', () => {
    const value = 'port-io' as never;
    expect(() => assertNever(value, 'access kind')).toThrow('unexpected access kind: "port-io"');
  });

  it('assertTrue and requireDefined throw only when they should', () => {
    expect(() => assertTrue(false, 'ring is empty')).toThrow('internal: ring is empty');
    expect(() => assertTrue(true, 'fine')).not.toThrow();
    expect(requireDefined(0, 'first')).toBe(0);
    expect(() => requireDefined(undefined, 'first chunk')).toThrow('first chunk');
  });
});
