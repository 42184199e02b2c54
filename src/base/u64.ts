// SPDX-License-Identifier: Apache-2.0
// 64-bit numbers as two unsigned 32-bit halves. In columns and loops a number stays two halves (a
// bigint element costs about 40 times as much, a double loses the low bits of kernel addresses);
// the object form is for arguments and results, bigint for printing and tests.

export interface U64 {
  readonly lo: number;
  readonly hi: number;
}

const TWO_32 = 0x1_0000_0000;

export function u64(lo: number, hi: number): U64 {
  return { lo: lo >>> 0, hi: hi >>> 0 };
}

export function u64FromBigint(value: bigint): U64 {
  if (value < 0n || value > 0xffff_ffff_ffff_ffffn) {
    throw new RangeError(`${value} does not fit 64 unsigned bits`);
  }
  return { lo: Number(value & 0xffff_ffffn), hi: Number(value >> 32n) };
}

export function bigintFromU64(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** The two halves of each element: low word of element i at 2 * i, high word at 2 * i + 1. No copy. */
export function halves(column: BigUint64Array): Uint32Array {
  return new Uint32Array(column.buffer, column.byteOffset, column.length * 2);
}

/** Whole numbers up to 2^53 - 1, the ones a double holds exactly. */
export function u64FromNumber(value: number): U64 {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${value} is not a whole number from 0 to 2^53-1`);
  }
  return { lo: value >>> 0, hi: Math.floor(value / TWO_32) };
}

/** Undefined when a double cannot hold the number exactly. */
export function findNumberFromU64(lo: number, hi: number): number | undefined {
  const value = (hi >>> 0) * TWO_32 + (lo >>> 0);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Negative, zero or positive as (aLo, aHi) is below, equal to or above (bLo, bHi), unsigned. */
export function compare64(aLo: number, aHi: number, bLo: number, bHi: number): number {
  return (aHi >>> 0) - (bHi >>> 0) || (aLo >>> 0) - (bLo >>> 0);
}

/** Sum modulo 2^64. */
export function add64(aLo: number, aHi: number, bLo: number, bHi: number): U64 {
  const lo = (aLo >>> 0) + (bLo >>> 0);
  return { lo: lo >>> 0, hi: (aHi + bHi + (lo >= TWO_32 ? 1 : 0)) >>> 0 };
}

/** Difference modulo 2^64. */
export function sub64(aLo: number, aHi: number, bLo: number, bHi: number): U64 {
  const borrow = aLo >>> 0 < bLo >>> 0 ? 1 : 0;
  return { lo: (aLo - bLo) >>> 0, hi: (aHi - bHi - borrow) >>> 0 };
}

/** The number shifted right by 0 to 63 bits, zeros coming in: a line or a page from an address. */
export function shiftRight64(lo: number, hi: number, shift: number): U64 {
  if (!Number.isInteger(shift) || shift < 0 || shift > 63) {
    throw new RangeError(`a shift is 0 to 63 bits, not ${shift}`);
  }
  if (shift === 0) return u64(lo, hi);
  if (shift >= 32) return { lo: (hi >>> 0) >>> (shift - 32), hi: 0 };
  return { lo: ((lo >>> shift) | (hi << (32 - shift))) >>> 0, hi: hi >>> shift };
}

/** `0x` and the shortest lower-case digits: 0x0, 0x1000, 0xffff888012345678. */
export function formatHex64(lo: number, hi: number): string {
  const low = (lo >>> 0).toString(16);
  const high = hi >>> 0;
  return high === 0 ? `0x${low}` : `0x${high.toString(16)}${low.padStart(8, '0')}`;
}

/** `0x` and all sixteen digits: for columns that line up. */
export function formatHex64Padded(lo: number, hi: number): string {
  return `0x${hex8(hi)}${hex8(lo)}`;
}

function hex8(half: number): string {
  return (half >>> 0).toString(16).padStart(8, '0');
}

/** Reads what formatHex64 writes, upper case, `_` between digits and a missing `0x` too. */
export function parseHex64(text: string): U64 | undefined {
  const match = /^(?:0x)?([0-9a-f]+(?:_[0-9a-f]+)*)$/i.exec(text.trim());
  const digits = match?.[1]?.replaceAll('_', '').replace(/^0+(?=.)/, '');
  if (digits === undefined || digits.length > 16) return undefined;
  const split = Math.max(0, digits.length - 8);
  return {
    lo: Number.parseInt(digits.slice(split), 16),
    hi: split === 0 ? 0 : Number.parseInt(digits.slice(0, split), 16),
  };
}
