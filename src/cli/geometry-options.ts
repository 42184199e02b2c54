// SPDX-License-Identifier: Apache-2.0
// Sizes that must be powers of two: lines and pages.

import { formatBytes, parseSize, TraceError } from '../base/index.ts';
import { type CommandInput, findText, type OptionSpec } from './command-spec.ts';

export const LINE_SIZE_OPTION: OptionSpec = {
  flags: '--line-size <BYTES>',
  description: 'bytes of a line; default: 64',
};
export const PAGE_SIZE_OPTION: OptionSpec = {
  flags: '--page-size <BYTES>',
  description: 'bytes of a page; default: 4096',
};

const DEFAULT_LINE_SHIFT = 6;
const DEFAULT_PAGE_SHIFT = 12;
const LARGEST_SHIFT = 30;

/** Log2 of --line-size and --page-size. Throws TraceError 'bad-argument' for sizes that make no sense. */
export function unitShiftsFrom(input: CommandInput): { lineShift: number; pageShift: number } {
  const lineShift = shiftFrom(input, 'lineSize', '--line-size', DEFAULT_LINE_SHIFT);
  const pageShift = shiftFrom(input, 'pageSize', '--page-size', DEFAULT_PAGE_SHIFT);
  if (lineShift <= pageShift) return { lineShift, pageShift };
  throw new TraceError('bad-argument', 'a line is larger than a page', {
    expected: `--line-size of at most ${formatBytes(2 ** pageShift)}`,
    found: formatBytes(2 ** lineShift),
    remedy: `--line-size ${2 ** Math.min(DEFAULT_LINE_SHIFT, pageShift)}, or --page-size ${2 ** lineShift}`,
  });
}

function shiftFrom(input: CommandInput, name: string, flag: string, fallback: number): number {
  const text = findText(input, name);
  if (text === undefined) return fallback;
  const size = parseSize(text, flag);
  const shift = Math.log2(size);
  if (Number.isInteger(shift) && shift >= 1 && shift <= LARGEST_SHIFT) return shift;
  throw new TraceError('bad-argument', `${flag} is not a power of two`, {
    expected: '2 to 1G, such as 64 or 4K',
    found: text,
    remedy: `${flag} ${nearestPower(size)}, the nearest of those`,
  });
}

function nearestPower(size: number): number {
  const below = 2 ** Math.floor(Math.log2(Math.max(2, size)));
  return Math.min(size - below < 2 * below - size ? below : 2 * below, 2 ** LARGEST_SHIFT);
}
