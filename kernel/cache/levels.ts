// SPDX-License-Identifier: Apache-2.0
// How levels ask each other. Each is asked only for what the one before it did not have, and brings in each line
// that it missed; what it gives up while dirty is written to the next level that has the line, which is no
// access of that level, or to memory. Levels neither exclude nor include each other.

import {
  COUNT_MISSES,
  COUNT_WRITEBACKS,
  COUNTS_AT,
  Config,
  EMPTY,
  PREFETCH,
  STORE,
  Unit,
} from './layout';
import { dirtyLine, fillLine, touchLine, victim } from './set-cache';

/** A cache (its number) was asked for a line; fills: a miss brings it in. */
declare function reportClass(unit: u32, line: u64, isHit: bool, fills: bool): void;

let config: Config = changetype<Config>(0);

export function attachLevels(to: Config): void {
  config = to;
}

export function count(unit: Unit, place: u32, more: u32): void {
  const at = changetype<usize>(unit) + COUNTS_AT + ((<usize>place) << 3);
  store<f64>(at, load<f64>(at) + <f64>more);
}

/** Asks the cache, and those behind it for what it has not. True: it has the line. Dirty, for 1, is it there only. */
export function ask(first: Unit, line: u64, kind: u32, site: u32, firstDirty: u64): bool {
  const fills = kind != STORE || config.writeAllocate != 0;
  let dirty = firstDirty;
  let isFirst = true;
  for (let unit = first; changetype<usize>(unit) != 0; unit = changetype<Unit>(unit.next)) {
    count(unit, kind, 1);
    const isHit = touchLine(unit, line, dirty);
    if (config.classifies != 0) reportClass(unit.number, line, isHit, fills);
    if (isHit) return isFirst;
    countMiss(unit, kind, site);
    isFirst = false;
    if (!fills) continue;
    fillLine(unit, line, dirty);
    dirty = 0;
    if (victim != EMPTY && (victim & 1) != 0) giveUp(unit, victim >> 1);
  }
  if (!fills) config.memoryWrites += 1;
  return false;
}

export function countMiss(unit: Unit, kind: u32, site: u32): void {
  count(unit, COUNT_MISSES + kind, 1);
  if (kind == PREFETCH) return;
  const at = unit.siteMisses + ((<usize>site) << 3);
  store<f64>(at, load<f64>(at) + 1);
}

/** Writes a dirty line that the cache gave up to the next one that has it, else to memory. */
export function giveUp(from: Unit, line: u64): void {
  count(from, COUNT_WRITEBACKS, 1);
  for (
    let unit = changetype<Unit>(from.next);
    changetype<usize>(unit) != 0;
    unit = changetype<Unit>(unit.next)
  ) {
    if (dirtyLine(unit, line)) return;
  }
  config.memoryWrites += 1;
}
