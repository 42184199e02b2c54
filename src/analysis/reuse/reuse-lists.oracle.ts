// SPDX-License-Identifier: Apache-2.0
// Reuse distances the obvious way: a list of all lines, last used first. Test support.

export interface ListedLine {
  readonly line: bigint;
  references: number;
  distant: number;
}

export interface ListedDistances {
  references: number;
  /** Of each reference that is not its line's first, in order. */
  readonly distances: number[];
  readonly lines: Map<bigint, ListedLine>;
}

/** Lines in the order of their references. */
export function listDistances(lines: readonly bigint[], threshold: number): ListedDistances {
  const recent: bigint[] = [];
  const seen: ListedDistances = { references: 0, distances: [], lines: new Map() };
  for (const line of lines) {
    const known = seen.lines.get(line) ?? { line, references: 0, distant: 0 };
    seen.lines.set(line, known);
    seen.references++;
    known.references++;
    const distance = recent.indexOf(line);
    if (distance >= 0) {
      seen.distances.push(distance);
      recent.splice(distance, 1);
      if (distance > threshold) known.distant++;
    }
    recent.unshift(line);
  }
  return seen;
}

/** Misses of a fully associative LRU cache of so many lines, simulated. */
export function countMisses(lines: readonly bigint[], capacity: number): number {
  const held: bigint[] = [];
  let misses = 0;
  for (const line of lines) {
    const at = held.indexOf(line);
    if (at < 0) misses++;
    else held.splice(at, 1);
    held.unshift(line);
    if (held.length > capacity) held.pop();
  }
  return misses;
}
