// SPDX-License-Identifier: Apache-2.0
// Counts of what was decoded.

export interface Tally {
  accesses: number;
  loads: number;
  stores: number;
  aborted: number;
  userAccesses: number;
  blocks: number;
  instructions: number;
  events: number;
}

export function emptyTally(): Tally {
  return {
    accesses: 0,
    loads: 0,
    stores: 0,
    aborted: 0,
    userAccesses: 0,
    blocks: 0,
    instructions: 0,
    events: 0,
  };
}

export function addTally(sum: Tally, part: Tally): void {
  sum.accesses += part.accesses;
  sum.loads += part.loads;
  sum.stores += part.stores;
  sum.aborted += part.aborted;
  sum.userAccesses += part.userAccesses;
  sum.blocks += part.blocks;
  sum.instructions += part.instructions;
  sum.events += part.events;
}
