// SPDX-License-Identifier: Apache-2.0

/** Bytes of a line of at most 64, bit n for byte n, in halves. */
export interface BytesOfLine {
  readonly lo: number;
  readonly hi: number;
}

/** `count` bytes from `offset` on. */
export function bytesOfLine(offset: number, count: number): BytesOfLine {
  const end = offset + count;
  return {
    lo: offset >= 32 ? 0 : lowBits(Math.min(32, end)) & ~lowBits(offset),
    hi: end <= 32 ? 0 : lowBits(end - 32) & ~lowBits(Math.max(0, offset - 32)),
  };
}

function lowBits(count: number): number {
  return count === 32 ? -1 : (1 << count) - 1;
}
