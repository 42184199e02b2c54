// SPDX-License-Identifier: Apache-2.0
// One set-associative cache: which lines it holds and which it gives up. A line is a pair of 32-bit integers,
// the address shifted right by the line's bits. The ways of a set lie together, as pairs: with lru the one
// used last is first, with fifo the one filled last; with random and plru a line stays where it was put.

import { isPowerOfTwo, type ReplacePolicy } from './geometry.ts';

export interface SetCache {
  readonly ways: number;
  readonly setMask: number;
  readonly policy: ReplacePolicy;
  /** Low half, high half with marks, of each way of each set. */
  readonly tags: Int32Array;
  /** Per set. random: fills so far; plru: the tree, a bit for each node, 1 when the right side is older. */
  readonly setState: Int32Array;
  readonly randomSeed: number;
  /** The line that the last fill gave up; victimHi is NO_LINE when the way was empty. */
  victimLo: number;
  victimHi: number;
  victimIsDirty: boolean;
}

/** The high half of a line has at most 28 bits (lines are 16 bytes or more): 29 tell an empty way from all. */
export const LINE_HI_MASK = 0x1fff_ffff;
export const DIRTY = 0x4000_0000;
/** Of an empty way; no line has it. */
export const NO_LINE = -1;

export function createSetCache(
  sets: number,
  ways: number,
  policy: ReplacePolicy,
  randomSeed: number,
): SetCache {
  if (!isPowerOfTwo(sets)) throw new Error('internal: sets are not a power of two');
  return {
    ways,
    setMask: sets - 1,
    policy,
    tags: new Int32Array(2 * sets * ways).fill(NO_LINE),
    setState: new Int32Array(policy === 'random' || policy === 'plru' ? sets : 0),
    randomSeed,
    victimLo: 0,
    victimHi: NO_LINE,
    victimIsDirty: false,
  };
}

/** Uses the line if it is there, and marks it (DIRTY or 0). False: it is not there, and nothing has changed. */
export function touchLine(cache: SetCache, lineLo: number, lineHi: number, mark: number): boolean {
  const { tags, ways } = cache;
  const set = lineLo & cache.setMask;
  const first = 2 * set * ways;
  const at = findLine(tags, first, first + 2 * ways, lineLo, lineHi);
  if (at < 0) return false;
  if (cache.policy === 'lru') {
    const hi = tags[at + 1] | mark;
    for (let to = at; to > first; to -= 2) {
      tags[to] = tags[to - 2];
      tags[to + 1] = tags[to - 1];
    }
    tags[first] = lineLo;
    tags[first + 1] = hi;
    return true;
  }
  tags[at + 1] |= mark;
  if (cache.policy === 'plru') pointAway(cache, set, (at - first) >> 1);
  return true;
}

/** Marks the line as dirty where it is, without using it. False: it is not there. */
export function dirtyLine(cache: SetCache, lineLo: number, lineHi: number): boolean {
  const first = 2 * (lineLo & cache.setMask) * cache.ways;
  const at = findLine(cache.tags, first, first + 2 * cache.ways, lineLo, lineHi);
  if (at < 0) return false;
  cache.tags[at + 1] |= DIRTY;
  return true;
}

/** Puts a line in that is not there, used just now; what had to go is in victimLo, victimHi, victimIsDirty. */
export function fillLine(cache: SetCache, lineLo: number, lineHi: number, mark: number): void {
  const { tags, ways } = cache;
  const set = lineLo & cache.setMask;
  const first = 2 * set * ways;
  const last = first + 2 * (ways - 1);
  let at = last;
  if (cache.policy === 'random' || cache.policy === 'plru') {
    at = findLine(tags, first, last + 2, NO_LINE, NO_LINE & LINE_HI_MASK);
    if (at < 0) at = first + 2 * chooseVictim(cache, set);
  }
  const hi = tags[at + 1];
  cache.victimLo = tags[at];
  cache.victimHi = hi === NO_LINE ? NO_LINE : hi & LINE_HI_MASK;
  cache.victimIsDirty = hi !== NO_LINE && (hi & DIRTY) !== 0;
  if (cache.policy === 'lru' || cache.policy === 'fifo') {
    for (let to = last; to > first; to -= 2) {
      tags[to] = tags[to - 2];
      tags[to + 1] = tags[to - 1];
    }
    at = first;
  }
  tags[at] = lineLo;
  tags[at + 1] = lineHi | mark;
  if (cache.policy === 'plru') pointAway(cache, set, (at - first) >> 1);
}

/** Place of the line among those from first to end; -1 when it is not there. */
function findLine(
  tags: Int32Array,
  first: number,
  end: number,
  lineLo: number,
  lineHi: number,
): number {
  for (let at = first; at < end; at += 2) {
    if (tags[at] === lineLo && (tags[at + 1] & LINE_HI_MASK) === lineHi) return at;
  }
  return -1;
}

/**
 * random: drawn from the seed, the set and the number of victims the set has had, so that it depends on
 * nothing outside the set. plru: from the root, always to the older side.
 */
function chooseVictim(cache: SetCache, set: number): number {
  if (cache.policy === 'random') {
    const mixed = mix32(mix32(cache.randomSeed ^ set) + cache.setState[set]++);
    return (mixed >>> 0) % cache.ways;
  }
  const tree = cache.setState[set];
  let node = 1;
  while (node < cache.ways) node = 2 * node + ((tree >>> node) & 1);
  return node - cache.ways;
}

/** Every node above the way says that the other side is older. Node n has 2n and 2n + 1 below it, ways last. */
function pointAway(cache: SetCache, set: number, way: number): void {
  let tree = cache.setState[set];
  for (let node = way + cache.ways; node > 1; node >>= 1) {
    const parent = node >> 1;
    tree = (node & 1) === 0 ? tree | (1 << parent) : tree & ~(1 << parent);
  }
  cache.setState[set] = tree;
}

/** Spreads every bit over all others (the finaliser of MurmurHash3, public domain). */
function mix32(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35);
  return x ^ (x >>> 16);
}
