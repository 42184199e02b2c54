// SPDX-License-Identifier: Apache-2.0
// Executions of a block that make the same accesses are counted, not their accesses: by the number of their
// shape in the chunk, and by vCPU. What that comes to is added up when the chunk ends. Its memory is used again
// for the next one: a thread that leaves no garbage is not stopped to collect it.

export interface ShapeCounts {
  /** Chunk that the numbers are of; -1: none. */
  chunkIndex: number;
  stream: number;
  /** By shape: row + 1; 0: not seen yet. */
  rowOf: Uint32Array;
  rowCount: number;
  /** By row: its shape, the place in CountsState.left, and where its cells begin in `cells`; the end behind the last. */
  shape: Uint32Array;
  leftAt: Uint32Array;
  begin: Uint32Array;
  cells: Uint32Array;
  /** Executions, by vCPU and shape; those of shape 0, which is none, stay 0. */
  readonly times: Map<number, Uint32Array>;
}

const FIRST_SHAPES = 65536;

export function createShapeCounts(): ShapeCounts {
  return {
    ...{ chunkIndex: -1, stream: -1, rowOf: new Uint32Array(FIRST_SHAPES), rowCount: 0 },
    shape: new Uint32Array(FIRST_SHAPES),
    leftAt: new Uint32Array(FIRST_SHAPES),
    begin: new Uint32Array(FIRST_SHAPES + 1),
    cells: new Uint32Array(4 * FIRST_SHAPES),
    times: new Map(),
  };
}

/**
 * Counts executions begin to end up to the first one that is not counted by its shape alone: of a shape that this vCPU
 * was not seen with, of none, or one that goes on from the execution before. Gives its place, or end.
 */
export function countSeen(
  times: Uint32Array,
  shape: Uint32Array,
  continues: Uint8Array,
  begin: number,
  end: number,
): number {
  const { length } = times;
  let at = begin;
  for (; at < end; at++) {
    const number = shape[at];
    if (number >= length) break;
    const before = times[number];
    if (before === 0 || continues[at] !== 0) break;
    times[number] = before + 1;
  }
  return at;
}

/** Those of a vCPU, with a place for the shape. */
export function timesOf({ times }: ShapeCounts, vcpu: number, shape: number): Uint32Array {
  const held = times.get(vcpu) ?? new Uint32Array(FIRST_SHAPES);
  const roomy = grown(held, shape + 1);
  times.set(vcpu, roomy);
  return roomy;
}

export function isLearned({ rowOf }: ShapeCounts, shape: number): boolean {
  return shape < rowOf.length && rowOf[shape] !== 0;
}

/** A shape, with room for so many cells: gives where they begin in `cells`. */
export function learnShape(
  shapes: ShapeCounts,
  shape: number,
  leftAt: number,
  cellCount: number,
): number {
  const row = shapes.rowCount++;
  shapes.rowOf = grown(shapes.rowOf, shape + 1);
  shapes.shape = grown(shapes.shape, row + 1);
  shapes.leftAt = grown(shapes.leftAt, row + 1);
  shapes.begin = grown(shapes.begin, row + 2);
  shapes.rowOf[shape] = row + 1;
  shapes.shape[row] = shape;
  shapes.leftAt[row] = leftAt;
  const begin = shapes.begin[row];
  shapes.begin[row + 1] = begin + cellCount;
  shapes.cells = grown(shapes.cells, begin + cellCount);
  return begin;
}

/** Forgets the chunk's shapes, and how often each was seen. */
export function forgetShapes(shapes: ShapeCounts): void {
  const { rowCount, shape, rowOf } = shapes;
  for (let row = 0; row < rowCount; row++) rowOf[shape[row]] = 0;
  for (const times of shapes.times.values()) times.fill(0);
  shapes.rowCount = 0;
  shapes.chunkIndex = -1;
}

/** The same array, or one with that many elements at least that begins with it. */
function grown(array: Uint32Array, length: number): Uint32Array {
  if (length <= array.length) return array;
  const larger = new Uint32Array(Math.max(length, 2 * array.length));
  larger.set(array);
  return larger;
}
