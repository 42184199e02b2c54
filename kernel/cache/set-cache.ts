// SPDX-License-Identifier: Apache-2.0
// One set-associative cache: which lines it holds and which it gives up. The ways of a set lie together: with
// lru the one used last is first, with fifo the one filled last; with random and plru a line stays where it was put.

import { EMPTY, FIFO, LRU, PLRU, RANDOM, Unit } from './layout';

/** What the last fill gave up, as in tags; EMPTY when the way was empty. */
export let victim: u64 = EMPTY;

export function setOf(unit: Unit, line: u64): usize {
  return unit.tags + ((<usize>((<u32>line & unit.setMask) * unit.ways)) << 3);
}

/** Uses the line if it is there, and marks it dirty for dirty = 1. False: it is not there, nothing has changed. */
export function touchLine(unit: Unit, line: u64, dirty: u64): bool {
  const first = setOf(unit, line);
  const end = first + ((<usize>unit.ways) << 3);
  for (let at = first; at < end; at += 8) {
    const tag = load<u64>(at);
    if (tag >> 1 != line) continue;
    if (unit.policy == LRU) {
      moveBack(first, at);
      store<u64>(first, tag | dirty);
    } else {
      store<u64>(at, tag | dirty);
      if (unit.policy == PLRU) pointAway(unit, line, <u32>((at - first) >> 3));
    }
    return true;
  }
  return false;
}

/** Marks the line as dirty where it is, without using it. False: it is not there. */
export function dirtyLine(unit: Unit, line: u64): bool {
  const first = setOf(unit, line);
  const end = first + ((<usize>unit.ways) << 3);
  for (let at = first; at < end; at += 8) {
    const tag = load<u64>(at);
    if (tag >> 1 != line) continue;
    store<u64>(at, tag | 1);
    return true;
  }
  return false;
}

/** Puts in a line that is not there, as the one used last, and sets victim. */
export function fillLine(unit: Unit, line: u64, dirty: u64): void {
  const first = setOf(unit, line);
  const last = first + ((<usize>(unit.ways - 1)) << 3);
  if (unit.policy == LRU || unit.policy == FIFO) {
    victim = load<u64>(last);
    moveBack(first, last);
    store<u64>(first, (line << 1) | dirty);
    return;
  }
  let at = first;
  while (at <= last && load<u64>(at) != EMPTY) at += 8;
  if (at > last) at = first + ((<usize>chooseVictim(unit, line)) << 3);
  victim = load<u64>(at);
  store<u64>(at, (line << 1) | dirty);
  if (unit.policy == PLRU) pointAway(unit, line, <u32>((at - first) >> 3));
}

/** Moves the tags from first up to at back by one, over the one at at. */
function moveBack(first: usize, at: usize): void {
  for (let to = at; to > first; to -= 8) store<u64>(to, load<u64>(to - 8));
}

/**
 * random: drawn from the seed, the set and the number of victims that the set has had, so that it depends on
 * nothing outside the set. plru: from the root, always to the older side.
 */
function chooseVictim(unit: Unit, line: u64): u32 {
  const set = <u32>line & unit.setMask;
  const stateAt = unit.setState + ((<usize>set) << 2);
  const state = load<u32>(stateAt);
  if (unit.policy == RANDOM) {
    store<u32>(stateAt, state + 1);
    return mix(mix(randomSeed ^ set) + state) % unit.ways;
  }
  let node: u32 = 1;
  while (node < unit.ways) node = 2 * node + ((state >> node) & 1);
  return node - unit.ways;
}

export let randomSeed: u32 = 0;

export function seedRandom(seed: u32): void {
  randomSeed = seed;
}

/** Every node above the way says that the other side is older. Node n has 2n and 2n + 1 below it, the ways last. */
function pointAway(unit: Unit, line: u64, way: u32): void {
  const stateAt = unit.setState + ((<usize>(<u32>line & unit.setMask)) << 2);
  let tree = load<u32>(stateAt);
  for (let node = way + unit.ways; node > 1; node >>= 1) {
    const parent = (<u32>1) << (node >> 1);
    tree = (node & 1) == 0 ? tree | parent : tree & ~parent;
  }
  store<u32>(stateAt, tree);
}

/** Spreads every bit over all others (finaliser of MurmurHash3, public domain). */
function mix(value: u32): u32 {
  let x = value;
  x = (x ^ (x >> 16)) * 0x85ebca6b;
  x = (x ^ (x >> 13)) * 0xc2b2ae35;
  return x ^ (x >> 16);
}
