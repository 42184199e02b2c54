// SPDX-License-Identifier: Apache-2.0
// Why a cache missed (Hill and Smith): compulsory, the line is new to it; capacity, a cache of the same size
// in which any line may be anywhere, with LRU, would have missed too; conflict, the rest. That cache is a
// doubly linked list of lines; memory grows with the number of different lines.

import { TraceError } from '../../base/index.ts';

/** Numbers lines from 1 as they appear, for all caches of a hierarchy. */
export interface LineIds {
  count: number;
  capacityLog2: number;
  /** Open addressing: number of the line, 0 empty. */
  slots: Uint32Array;
  /** By number. */
  lineLo: Int32Array;
  lineHi: Int32Array;
}

export interface Classifier {
  readonly lineIds: LineIds;
  /** Lines that the cache holds, at most. */
  readonly capacity: number;
  held: number;
  /** By line number: neighbours in order of use, 0 at the ends. Number 0 stands before the newest. */
  newer: Uint32Array;
  older: Uint32Array;
  /** By line number: bit 0 the cache has seen it, bit 1 it is in the list. */
  state: Uint8Array;
  oldest: number;
  readonly classes: MissClasses;
}

export interface MissClasses {
  compulsory: number;
  capacity: number;
  conflict: number;
}

const SEEN = 1;
const HELD = 2;
const FIRST_CAPACITY_LOG2 = 12;
/** 2^25 lines of 64 bytes are 2 GiB of guest memory. */
const LINE_LIMIT = 2 ** 25;

export function createLineIds(): LineIds {
  return {
    count: 0,
    capacityLog2: FIRST_CAPACITY_LOG2,
    slots: new Uint32Array(2 ** FIRST_CAPACITY_LOG2),
    lineLo: new Int32Array(2 ** (FIRST_CAPACITY_LOG2 - 1) + 1),
    lineHi: new Int32Array(2 ** (FIRST_CAPACITY_LOG2 - 1) + 1),
  };
}

export function createClassifier(lineIds: LineIds, capacity: number): Classifier {
  return {
    lineIds,
    capacity,
    held: 0,
    newer: new Uint32Array(1024),
    older: new Uint32Array(1024),
    state: new Uint8Array(1024),
    oldest: 0,
    classes: { compulsory: 0, capacity: 0, conflict: 0 },
  };
}

/**
 * Tells the fully associative cache of an access to the real one, and counts the class of its miss. `fills`:
 * a miss brings the line in.
 */
export function classifyMiss(
  classifier: Classifier,
  line: bigint,
  isHit: boolean,
  fills: boolean,
): void {
  const id = requireLineId(
    classifier.lineIds,
    Number(BigInt.asIntN(32, line)),
    Number(line >> 32n),
  );
  if (id >= classifier.state.length) growTo(classifier, id);
  const was = classifier.state[id];
  if ((was & HELD) !== 0) {
    if (classifier.older[0] !== id) {
      unlink(classifier, id);
      linkFirst(classifier, id);
    }
  } else if (fills) {
    if (classifier.held === classifier.capacity) {
      const victim = classifier.oldest;
      unlink(classifier, victim);
      classifier.state[victim] &= ~HELD;
    } else {
      classifier.held++;
    }
    linkFirst(classifier, id);
    classifier.state[id] |= HELD;
  }
  classifier.state[id] |= SEEN;
  if (isHit) return;
  const { classes } = classifier;
  if ((was & SEEN) === 0) classes.compulsory++;
  else if ((was & HELD) === 0) classes.capacity++;
  else classes.conflict++;
}

/** Number 0 is the end of the list: older[0] is the newest line. */
function linkFirst(classifier: Classifier, id: number): void {
  const { newer, older } = classifier;
  const second = older[0];
  older[id] = second;
  newer[id] = 0;
  older[0] = id;
  if (second === 0) classifier.oldest = id;
  else newer[second] = id;
}

function unlink(classifier: Classifier, id: number): void {
  const { newer, older } = classifier;
  older[newer[id]] = older[id];
  if (older[id] === 0) classifier.oldest = newer[id];
  else newer[older[id]] = newer[id];
}

function growTo(classifier: Classifier, id: number): void {
  let length = classifier.state.length;
  while (length <= id) length *= 2;
  const { newer, older, state } = classifier;
  classifier.newer = new Uint32Array(length);
  classifier.newer.set(newer);
  classifier.older = new Uint32Array(length);
  classifier.older.set(older);
  classifier.state = new Uint8Array(length);
  classifier.state.set(state);
}

function requireLineId(ids: LineIds, lineLo: number, lineHi: number): number {
  let slot = probe(ids, lineLo, lineHi);
  const known = ids.slots[slot];
  if (known !== 0) return known;
  if (2 * (ids.count + 1) > ids.slots.length) {
    grow(ids);
    slot = probe(ids, lineLo, lineHi);
  }
  const id = ++ids.count;
  ids.slots[slot] = id;
  ids.lineLo[id] = lineLo;
  ids.lineHi[id] = lineHi;
  return id;
}

/** The line's slot, or the empty one where it belongs. */
function probe(ids: LineIds, lineLo: number, lineHi: number): number {
  const mask = ids.slots.length - 1;
  const mixed = Math.imul(lineLo ^ Math.imul(lineHi, 0x85eb_ca6b), 0x9e37_79b1);
  let slot = mixed >>> (32 - ids.capacityLog2);
  for (;;) {
    const id = ids.slots[slot];
    if (id === 0 || (ids.lineLo[id] === lineLo && ids.lineHi[id] === lineHi)) return slot;
    slot = (slot + 1) & mask;
  }
}

function grow(ids: LineIds): void {
  if (ids.slots.length >= 2 * LINE_LIMIT) {
    throw new TraceError('limit', `more than ${LINE_LIMIT} different lines are accessed`, {
      remedy: 'Simulate without the classes of misses, or a shorter part of the trace.',
    });
  }
  const { count, lineLo, lineHi } = ids;
  ids.capacityLog2++;
  ids.slots = new Uint32Array(2 ** ids.capacityLog2);
  ids.lineLo = new Int32Array(2 ** (ids.capacityLog2 - 1) + 1);
  ids.lineHi = new Int32Array(2 ** (ids.capacityLog2 - 1) + 1);
  ids.lineLo.set(lineLo);
  ids.lineHi.set(lineHi);
  for (let id = 1; id <= count; id++) ids.slots[probe(ids, lineLo[id], lineHi[id])] = id;
}
