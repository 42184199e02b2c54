// SPDX-License-Identifier: Apache-2.0
// What a chunk does to the first levels, found out without knowing what they held before it. They begin empty. With
// lru a set that was given as many lines as it has ways holds just these, whatever it held before: from then on
// it hits and misses as it should, and what it gives up is right but for stores from before the chunk. Until
// then its hits are right, and each miss finds a way empty: that line may have been there. absorb.ts decides.

import { Config, MISS_BYTES, Miss, Unit } from './layout';
import { victim } from './set-cache';

/** So many misses are to be copied away: there is no room for more. */
declare function takeMisses(missCount: u32): void;

let told: u32 = 0;

/** The cache had not this line, was given it, and gave up the victim. */
export function tellMiss(config: Config, unit: Unit, line: u64, kind: u32, site: u32): void {
  if (told == config.missLimit) tellRest();
  const miss = changetype<Miss>(config.misses + <usize>told * MISS_BYTES);
  miss.line = line;
  miss.victim = victim;
  miss.site = site;
  miss.source = (unit.place << 2) | kind;
  told++;
}

export function tellRest(): void {
  takeMisses(told);
  told = 0;
}
