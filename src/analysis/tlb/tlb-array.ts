// SPDX-License-Identifier: Apache-2.0
// A set-associative array of translations, LRU. An entry is known by a number, exact in a double, and belongs to
// an address space or to all of them. The ways of a set lie together, the one used last first.

export interface TlbArray {
  readonly ways: number;
  readonly setMask: number;
  /** NaN: empty. */
  readonly keys: Float64Array;
  readonly spaces: Int32Array;
}

/** Of a translation that is good in every address space. */
export const GLOBAL_SPACE = -1;

export function createTlbArray(entries: number, ways: number): TlbArray {
  return {
    ways,
    setMask: entries / ways - 1,
    keys: new Float64Array(entries).fill(Number.NaN),
    spaces: new Int32Array(entries),
  };
}

/** Uses the entry if it is there. `index`: its low bits choose the set. */
export function touchEntry(tlb: TlbArray, index: number, key: number, space: number): boolean {
  const { keys, spaces, ways } = tlb;
  const first = (index & tlb.setMask) * ways;
  for (let at = first; at < first + ways; at++) {
    if (keys[at] !== key || (spaces[at] !== space && spaces[at] !== GLOBAL_SPACE)) continue;
    const found = spaces[at];
    for (let to = at; to > first; to--) {
      keys[to] = keys[to - 1];
      spaces[to] = spaces[to - 1];
    }
    keys[first] = key;
    spaces[first] = found;
    return true;
  }
  return false;
}

/** Puts in an entry that is not there, as the one used last, in place of the one used least. */
export function fillEntry(tlb: TlbArray, index: number, key: number, space: number): void {
  const { keys, spaces, ways } = tlb;
  const first = (index & tlb.setMask) * ways;
  for (let to = first + ways - 1; to > first; to--) {
    keys[to] = keys[to - 1];
    spaces[to] = spaces[to - 1];
  }
  keys[first] = key;
  spaces[first] = space;
}

/** Forgets what is not of all address spaces. The others move up, in their order. */
export function flushEntries(tlb: TlbArray): void {
  const { keys, spaces, ways } = tlb;
  for (let first = 0; first < keys.length; first += ways) {
    let to = first;
    for (let at = first; at < first + ways; at++) {
      if (spaces[at] !== GLOBAL_SPACE || Number.isNaN(keys[at])) continue;
      keys[to] = keys[at];
      spaces[to] = GLOBAL_SPACE;
      to++;
    }
    keys.fill(Number.NaN, to, first + ways);
    spaces.fill(0, to, first + ways);
  }
}
