// SPDX-License-Identifier: Apache-2.0
// Puts the digest of a chunk (digest.ts) behind what was simulated before it. While a chunk is absorbed, the tags of a
// first level are what is left of the lines that its sets held before the chunk, and setState counts, in its low
// half, the lines that the chunk has put in front of them; together they never exceed the ways. In its high half
// it counts the inherited lines: used by the chunk, stored to only before it, and not given up yet.

import { Config, EMPTY, MISS_BYTES, Miss, Unit } from './layout';
import { ask, countMiss, giveUp } from './levels';
import { setOf } from './set-cache';

const ONE_INHERITED: u32 = 0x1_0000;
const NEW_LINES: u32 = 0xffff;

/** Takes the next misses of a digest. */
export function absorb(configAt: usize, missCount: u32): void {
  const config = changetype<Config>(configAt);
  for (let i: u32 = 0; i < missCount; i++) {
    const miss = changetype<Miss>(config.misses + <usize>i * MISS_BYTES);
    const unit = changetype<Unit>(load<usize>(config.vcpus + ((<usize>(miss.source >> 2)) << 2)));
    const line = miss.line;
    const kind = miss.source & 3;
    if (miss.victim != EMPTY) {
      countMiss(unit, kind, miss.site);
      const isInherited = takeInherited(unit, miss.victim >> 1);
      if (isInherited || (miss.victim & 1) != 0) giveUp(unit, miss.victim >> 1);
    } else {
      if (isLeft(unit, line)) continue;
      countMiss(unit, kind, miss.site);
      makeRoom(unit, line);
    }
    const next = changetype<Unit>(unit.next);
    if (changetype<usize>(next) != 0) ask(next, line, kind, miss.site, 0);
  }
}

/** Whether the set held it, and still does. It is one of the chunk's lines from now on. */
function isLeft(unit: Unit, line: u64): bool {
  const first = setOf(unit, line);
  const end = first + ((<usize>unit.ways) << 3);
  const stateAt = setStateOf(unit, line);
  const state = load<u32>(stateAt);
  for (let at = first; at < end; at += 8) {
    const tag = load<u64>(at);
    if (tag >> 1 != line) continue;
    for (let to = at; to + 8 < end; to += 8) store<u64>(to, load<u64>(to, 8));
    store<u64>(end - 8, EMPTY);
    if ((tag & 1) == 0) {
      store<u32>(stateAt, state + 1);
    } else {
      store<u64>(inheritedOf(unit, line) + ((<usize>(state >> 16)) << 3), line);
      store<u32>(stateAt, state + 1 + ONE_INHERITED);
    }
    return true;
  }
  return false;
}

/** For a line that the set did not hold: when all ways are in use, the line used last longest ago goes. */
function makeRoom(unit: Unit, line: u64): void {
  const stateAt = setStateOf(unit, line);
  const state = load<u32>(stateAt);
  store<u32>(stateAt, state + 1);
  // Of the ways, so many are not taken by lines of the chunk; the last of them.
  const last = setOf(unit, line) + ((<usize>(unit.ways - 1 - (state & NEW_LINES))) << 3);
  const tag = load<u64>(last);
  if (tag == EMPTY) return;
  store<u64>(last, EMPTY);
  if ((tag & 1) != 0) giveUp(unit, tag >> 1);
}

/** Whether the line was inherited; it is not any more. */
function takeInherited(unit: Unit, line: u64): bool {
  const stateAt = setStateOf(unit, line);
  const state = load<u32>(stateAt);
  if (state < ONE_INHERITED) return false;
  const first = inheritedOf(unit, line);
  const last = first + ((<usize>((state >> 16) - 1)) << 3);
  for (let at = first; at <= last; at += 8) {
    if (load<u64>(at) != line) continue;
    store<u64>(at, load<u64>(last));
    store<u32>(stateAt, state - ONE_INHERITED);
    return true;
  }
  return false;
}

/** All misses of the chunk were taken. The tags with which it left the cache are at tagsAt. */
export function endChunk(configAt: usize, place: u32, tagsAt: usize): void {
  const config = changetype<Config>(configAt);
  const unit = changetype<Unit>(load<usize>(config.vcpus + ((<usize>place) << 2)));
  for (let set: u32 = 0; set <= unit.setMask; set++) {
    const first = setOf(unit, set);
    const newLines = load<u32>(setStateOf(unit, set)) & NEW_LINES;
    const from = tagsAt + ((<usize>(set * unit.ways)) << 3);
    // What is left moves behind the lines of the chunk.
    for (let way = unit.ways; way > newLines; way--) {
      const to = first + ((<usize>(way - 1)) << 3);
      store<u64>(to, load<u64>(to - ((<usize>newLines) << 3)));
    }
    for (let way: u32 = 0; way < newLines; way++) {
      const tag = load<u64>(from + ((<usize>way) << 3));
      const dirty: u64 = takeInherited(unit, tag >> 1) ? 1 : 0;
      store<u64>(first + ((<usize>way) << 3), tag | dirty);
    }
    store<u32>(setStateOf(unit, set), 0);
  }
}

function setStateOf(unit: Unit, line: u64): usize {
  return unit.setState + ((<usize>(<u32>line & unit.setMask)) << 2);
}

function inheritedOf(unit: Unit, line: u64): usize {
  return unit.inherited + ((<usize>((<u32>line & unit.setMask) * unit.ways)) << 3);
}
