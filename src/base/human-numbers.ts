// SPDX-License-Identifier: Apache-2.0
// Numbers as people write and read them. Sizes are binary (1 KiB = 1024 bytes; "4K", "10M" and "2GiB"
// all mean powers of 1024, as cache simulators and QEMU have it); counts are decimal ("10M" = 10^7).

import { TraceError } from './errors.ts';

const SIZE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;
const COUNT_UNITS = ['', 'k', 'M', 'G', 'T', 'P'] as const;
const PREFIXES = 'KMGTP';

/** 1536 -> "1.50 KiB": three significant digits; bytes below 1 KiB are exact. */
export function formatBytes(sizeBytes: number): string {
  return scale(sizeBytes, 1024, SIZE_UNITS, ' ');
}

/** 1234567 -> "1,234,567": exact, for tables of record. */
export function formatCount(count: number): string {
  if (!Number.isFinite(count)) return String(count);
  const [whole, fraction] = String(Math.abs(count)).split('.');
  if (whole === undefined || whole.includes('e')) return String(count);
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  return `${count < 0 ? '-' : ''}${grouped}${fraction === undefined ? '' : `.${fraction}`}`;
}

/** "1 chunk", "2,000 chunks": exact. */
export function formatQuantity(count: number, one: string, many: string = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** 333000000 -> "333 M": three significant digits, for prose and progress. */
export function formatCountShort(count: number): string {
  return scale(count, 1000, COUNT_UNITS, ' ').trimEnd();
}

/** part of whole as a percentage, "12.3 %"; "-" when there is no whole. Never "0 %" or "100 %" unless exact: "99.96 %". */
export function formatRatio(part: number, whole: number): string {
  if (whole === 0) return '-';
  const percent = (part / whole) * 100;
  const size = Math.abs(percent);
  const [sign, below, above] = percent < 0 ? ['-', '>', '<'] : ['', '<', '>'];
  if (part !== 0 && size < 0.01) return `${below} ${sign}0.01 %`;
  const isWhole = Math.abs(part) === Math.abs(whole);
  // Three digits would draw these as the whole.
  if (isWhole || size < 99.95 || size >= 100.5) return `${digits3(percent)} %`;
  if (size <= 99.99 || size >= 100.01) return `${sign}${size.toFixed(2)} %`;
  return Math.abs(part) < Math.abs(whole) ? `${above} ${sign}99.99 %` : `${below} ${sign}100.01 %`;
}

/** Events for each 1000 instructions: "1.234"; "< 0.001" for few of them. */
export function formatPerThousand(events: number, perThousand: number): string {
  return events > 0 && perThousand < 0.001 ? '< 0.001' : perThousand.toFixed(3);
}

/** How far work is, from a part of 0 to 1: "42 %". Rounded down: "100 %" is the end, and "0 %" before anything was done. */
export function formatProgress(part: number): string {
  const percent = Math.min(1, Math.max(0, part)) * 100;
  return percent > 0 && percent < 1 ? '< 1 %' : `${Math.floor(percent)} %`;
}

/** "1.83x": a figure beside the one it is measured against. */
export function formatFactor(value: number, baseline: number): string {
  return baseline === 0 ? '-' : `${(value / baseline).toFixed(2)}x`;
}

/** "64", "4K", "10M", "2GiB", "0x1000" -> bytes. Throws TraceError 'bad-argument'. */
export function parseSize(text: string, what = 'size'): number {
  return parseScaled(text, what, 1024, /^(\d+(?:\.\d+)?)([KMGTP])?(?:i?B)?$/i, [
    '64, 4K, 10M or 2GiB',
    'bytes; K, M and G behind them are 2^10, 2^20 and 2^30 bytes',
  ]);
}

/** "1000", "1,000,000", "10M", "1.5G" -> a whole number, decimal multiples. Throws 'bad-argument'. */
export function parseCount(text: string, what = 'count'): number {
  return parseScaled(
    text.replace(/(\d),(?=\d{3}(?:\D|$))/g, '$1'),
    what,
    1000,
    /^(\d+(?:\.\d+)?)([KMGTP])?$/i,
    ['1000, 250k or 10M', 'digits; k, M and G behind them are 10^3, 10^6 and 10^9'],
  );
}

function parseScaled(
  text: string,
  what: string,
  step: number,
  pattern: RegExp,
  [examples, remedy]: readonly [examples: string, remedy: string],
): number {
  const trimmed = text.trim().replaceAll('_', '');
  const match = pattern.exec(trimmed);
  const value = /^0x[0-9a-f]+$/i.test(trimmed)
    ? Number(trimmed)
    : Number(match?.[1] ?? Number.NaN) *
      step ** (1 + PREFIXES.indexOf((match?.[2] ?? ' ').toUpperCase()));
  if (!Number.isSafeInteger(value)) {
    throw new TraceError('bad-argument', `${what} is not a whole number`, {
      expected: `something like ${examples}`,
      found: JSON.stringify(text),
      remedy: `write ${remedy}`,
    });
  }
  return value;
}

function scale(value: number, step: number, units: readonly string[], gap: string): string {
  const magnitude = Math.abs(value);
  if (!Number.isFinite(value)) return String(value);
  let power = 0;
  let scaled = magnitude;
  // 999.5 would be drawn as "1000": go up a unit before that.
  while (
    power < units.length - 1 &&
    scaled >= (power === 0 ? step : step === 1024 ? 1023.5 : 999.5)
  ) {
    scaled /= step;
    power++;
  }
  const drawn = power === 0 && Number.isInteger(scaled) ? String(scaled) : digits3(scaled);
  return `${value < 0 ? '-' : ''}${drawn}${gap}${units[power] ?? ''}`;
}

/** Halves go up: 4595 / 1000 is a little below 4.595 in binary, and "4.60" all the same. */
function digits3(value: number): string {
  const magnitude = Math.abs(value);
  const nudged = value * (1 + Number.EPSILON);
  if (magnitude >= 99.95) return nudged.toFixed(0);
  return magnitude >= 9.995 ? nudged.toFixed(1) : nudged.toFixed(2);
}
