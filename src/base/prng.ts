// SPDX-License-Identifier: Apache-2.0
// A small seeded generator (xoshiro128**, state filled by splitmix32) for tests, fixtures and sampled
// checks: the same seed gives the same numbers on every machine. Not for secrets.

export interface Prng {
  /** 0 to 2^32 - 1. */
  nextU32(): number;
  /** begin to end - 1; the range spans at most 2^32. */
  nextInRange(begin: number, end: number): number;
  /** True with the given probability. */
  nextBoolean(probability?: number): boolean;
}

export function prngFromSeed(seed: number): Prng {
  let mixer = seed >>> 0;
  const splitmix = (): number => {
    mixer = (mixer + 0x9e37_79b9) >>> 0;
    let z = mixer;
    z = Math.imul(z ^ (z >>> 16), 0x21f0_aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let a = splitmix();
  let b = splitmix();
  let c = splitmix();
  let d = splitmix();

  const nextU32 = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotateLeft(d, 11);
    return result;
  };

  return {
    nextU32,
    nextInRange(begin, end) {
      const span = end - begin;
      if (!Number.isSafeInteger(begin) || !(span >= 1 && span <= 0x1_0000_0000)) {
        throw new RangeError(`empty or too wide range ${begin} to ${end}`);
      }
      return begin + Math.floor((nextU32() / 0x1_0000_0000) * span);
    },
    nextBoolean(probability = 0.5) {
      return nextU32() / 0x1_0000_0000 < probability;
    },
  };
}

function rotateLeft(value: number, count: number): number {
  return (value << count) | (value >>> (32 - count));
}
