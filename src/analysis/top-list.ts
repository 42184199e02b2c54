// SPDX-License-Identifier: Apache-2.0
// The first few of very many, without room for all.

export interface TopList<T> {
  /** An item with a lower count is not among the first: it need not be offered. */
  least(): number;
  offer(item: T): void;
  /** The first ones, in their order. */
  take(): readonly T[];
}

/** The first `top` by a count, the highest first, and then in that order. */
export function createTopList<T>(
  top: number,
  countOf: (item: T) => number,
  order: (a: T, b: T) => number,
): TopList<T> {
  const room = 2 * top + 64;
  let items: T[] = [];
  /** Of the first ones of all but the latest items the last one, once there are enough. */
  let last: T | undefined;
  let least = top === 0 ? Infinity : -Infinity;
  const compare = (a: T, b: T): number => countOf(b) - countOf(a) || order(a, b);
  const cut = (): void => {
    items.sort(compare);
    items = items.slice(0, top);
    last = items[top - 1];
    if (last !== undefined) least = countOf(last);
  };
  return {
    least: () => least,
    offer(item) {
      if (last !== undefined && compare(item, last) > 0) return;
      items.push(item);
      if (items.length === room) cut();
    },
    take() {
      cut();
      return items;
    },
  };
}
