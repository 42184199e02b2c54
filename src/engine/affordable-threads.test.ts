// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { affordableThreads } from './affordable-threads.ts';

function threadsFor(insns: number, wanted: number): number {
  return affordableThreads({ insnBase: Uint32Array.of(0, 1, insns), blockCount: 2 }, wanted);
}

describe('threads that a pass has memory for', () => {
  it('are all that are wanted for the code of a boot', () => {
    expect(threadsFor(370_000, 16)).toBe(16);
    expect(threadsFor(0, 2)).toBe(2);
  });

  it('are fewer for more code, down to one', () => {
    expect([2 ** 22, 2 ** 22 + 1, 2 ** 30].map((insns) => threadsFor(insns, 8))).toEqual([2, 1, 1]);
  });

  it('are not more than are wanted', () => {
    expect([0, 1, 3].map((wanted) => threadsFor(2 ** 20, wanted))).toEqual([0, 1, 3]);
  });
});
