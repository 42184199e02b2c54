// SPDX-License-Identifier: Apache-2.0
// Where axes have ticks and what stands at them. Pure.

import { formatCount } from '../base/index.ts';

/** 1, 2 or 5 times a power of ten, at least `least`, so that about `count` of them make the span. */
export function decimalStep(span: number, count: number, least = 1): number {
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999_999) ?? 10);
  return Math.max(least, step);
}

/** A power of two, at least `least`. */
export function binaryStep(span: number, count: number, least: number): number {
  return Math.max(least, 2 ** Math.ceil(Math.log2(span / Math.max(1, count))));
}

/** Multiples of the step from begin to end, both counted. */
export function ticksBetween(begin: number, end: number, step: number): number[] {
  const first = Math.ceil(begin / step);
  const last = Math.floor(end / step);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step);
}

/** As exact as the step needs and not longer: 12.5 M, 12,345 k, 12,345,678. */
export function formatTick(value: number, step: number): string {
  for (const [unit, name] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    const scaled = step / unit;
    // Parts of thousands would be longer than the number itself.
    if (value >= unit && scaled >= (unit === 1e3 ? 1 : 0.01)) {
      const digits = scaled >= 1 ? 0 : scaled >= 0.1 ? 1 : 2;
      return `${formatCount(Number((value / unit).toFixed(digits)))} ${name}`;
    }
  }
  return formatCount(Math.round(value));
}

/** 0xffff888012345678 -> ffff8880'12345678: halves can be told apart; below 2^32 as it is. */
export function formatAddress(address: string): string {
  const digits = address.replace(/^0x/i, '');
  if (digits.length <= 8) return `0x${digits}`;
  return `0x${digits.slice(0, -8)}_${digits.slice(-8)}`;
}

/** Of the byte before `end`, which is the last of what ends there. */
export function formatLastAddress(end: string): string {
  return formatAddress(`0x${(BigInt(end) - 1n).toString(16)}`);
}
