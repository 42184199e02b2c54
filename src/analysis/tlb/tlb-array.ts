// SPDX-License-Identifier: Apache-2.0
// A set-associative array of translations, LRU. An entry is known by two numbers of 32 bits, and belongs to an address
// space or to all of them. The ways of a set lie together, the one used last first.

export interface TlbArray {
  readonly ways: number;
  readonly setMask: number;
  /** Low half of the page's number, whose low bits choose the set. */
  readonly low: Int32Array;
  /** What else tells it from others; EMPTY. */
  readonly tag: Int32Array;
  readonly spaces: Int32Array;
}

/** No entry has this tag. */
const EMPTY = -(2 ** 31);

/** Of a translation that is good in every address space. */
export const GLOBAL_SPACE = -1;

export function createTlbArray(entries: number, ways: number): TlbArray {
  return {
    ways,
    setMask: entries / ways - 1,
    low: new Int32Array(entries),
    tag: new Int32Array(entries).fill(EMPTY),
    spaces: new Int32Array(entries),
  };
}

/** Uses the entry if it is there. */
export function touchEntry(array: TlbArray, low: number, tag: number, space: number): boolean {
  const { low: lows, tag: tags, spaces, ways } = array;
  const first = (low & array.setMask) * ways;
  for (let at = first; at < first + ways; at++) {
    if (lows[at] !== low || tags[at] !== tag) continue;
    const found = spaces[at];
    if (found !== space && found !== GLOBAL_SPACE) continue;
    if (at !== first) makeRoom(array, first, at, low, tag, found);
    return true;
  }
  return false;
}

/** Puts in an entry that is not there, as the one used last, in place of the one used least. */
export function fillEntry(array: TlbArray, low: number, tag: number, space: number): void {
  const { ways } = array;
  const first = (low & array.setMask) * ways;
  makeRoom(array, first, first + ways - 1, low, tag, space);
}

/** The entry becomes the first one; those before `last` move on, over it. */
function makeRoom(
  { low: lows, tag: tags, spaces }: TlbArray,
  first: number,
  last: number,
  low: number,
  tag: number,
  space: number,
): void {
  for (let to = last; to > first; to--) {
    lows[to] = lows[to - 1];
    tags[to] = tags[to - 1];
    spaces[to] = spaces[to - 1];
  }
  lows[first] = low;
  tags[first] = tag;
  spaces[first] = space;
}

/** Forgets what is not of all address spaces. The others move up, in their order. */
export function flushEntries({ low, tag, spaces, ways }: TlbArray): void {
  for (let first = 0; first < low.length; first += ways) {
    let to = first;
    for (let at = first; at < first + ways; at++) {
      if (spaces[at] !== GLOBAL_SPACE || tag[at] === EMPTY) continue;
      low[to] = low[at];
      tag[to] = tag[at];
      spaces[to] = GLOBAL_SPACE;
      to++;
    }
    tag.fill(EMPTY, to, first + ways);
    spaces.fill(0, to, first + ways);
  }
}
