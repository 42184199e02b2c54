// SPDX-License-Identifier: Apache-2.0

/**
 * How many of `count` items come before the first for which `isBefore` no longer holds: it holds for those and for
 * none behind them. Binary search, the partition point of the C++ library.
 */
export function partitionPoint(count: number, isBefore: (at: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
