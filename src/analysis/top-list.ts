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
  let least = top === 0 ? Infinity : -Infinity;
  const cut = (): void => {
    items.sort((a, b) => countOf(b) - countOf(a) || order(a, b));
    items = items.slice(0, top);
    const last = items[top - 1];
    if (last !== undefined) least = countOf(last);
  };
  return {
    least: () => least,
    offer(item) {
      items.push(item);
      if (items.length === room) cut();
    },
    take() {
      cut();
      return items;
    },
  };
}
