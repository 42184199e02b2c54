// SPDX-License-Identifier: Apache-2.0
// Cells of a level on their way into the file. A level has buckets of 2^timeShift ordinals and units of
// 2^unitShift pages; its cells come bucket by bucket, by ascending unit. Buckets are collected to groups, a group
// is cut into strips of STRIP_UNITS units, and each strip of a group is a block.

import { encodeBlock } from './block.ts';
import { GROUP_BUCKETS, GROUP_CELLS, STRIP_UNITS } from './layout.ts';

export interface LevelShape {
  readonly timeShift: number;
  readonly unitShift: number;
  readonly unitCount: number;
}

/** Blocks by strip; undefined where a strip has no cell. */
export interface Group {
  readonly firstBucket: number;
  readonly bucketCount: number;
  readonly cellCount: number;
  readonly blocks: readonly (Uint8Array<ArrayBuffer> | undefined)[];
}

export interface LevelWriter {
  readonly shape: LevelShape;
  /** Cells of the bucket, which is the one behind the last. */
  add(cells: BucketCells): void;
  finish(): void;
}

/** Of one bucket, ascending by unit; the first `length` elements count. */
export interface BucketCells {
  readonly length: number;
  readonly unit: Uint32Array;
  readonly loads: Uint32Array;
  readonly stores: Uint32Array;
}

export function createLevelWriter(shape: LevelShape, emit: (group: Group) => void): LevelWriter {
  const stripCount = Math.ceil(shape.unitCount / STRIP_UNITS);
  let columns = newColumns(4096);
  let length = 0;
  let firstBucket = 0;
  let bucketCount = 0;
  const close = (): void => {
    if (bucketCount === 0) return;
    const blocks = cutBlocks(columns, length, bucketCount, stripCount, shape.unitCount);
    emit({ firstBucket, bucketCount, cellCount: length, blocks });
    firstBucket += bucketCount;
    bucketCount = 0;
    length = 0;
  };
  return {
    shape,
    add(cells) {
      if (length + cells.length > columns.unit.length) {
        columns = grown(columns, length, length + cells.length);
      }
      columns.unit.set(cells.unit.subarray(0, cells.length), length);
      columns.loads.set(cells.loads.subarray(0, cells.length), length);
      columns.stores.set(cells.stores.subarray(0, cells.length), length);
      columns.bucket.fill(bucketCount, length, length + cells.length);
      length += cells.length;
      bucketCount++;
      if (bucketCount === GROUP_BUCKETS || length >= GROUP_CELLS) close();
    },
    finish: close,
  };
}

interface Columns {
  readonly bucket: Uint32Array;
  readonly unit: Uint32Array;
  readonly loads: Uint32Array;
  readonly stores: Uint32Array;
}

function newColumns(capacity: number): Columns {
  return {
    bucket: new Uint32Array(capacity),
    unit: new Uint32Array(capacity),
    loads: new Uint32Array(capacity),
    stores: new Uint32Array(capacity),
  };
}

function grown(from: Columns, length: number, needed: number): Columns {
  const to = newColumns(Math.max(needed, 2 * from.unit.length));
  to.bucket.set(from.bucket.subarray(0, length));
  to.unit.set(from.unit.subarray(0, length));
  to.loads.set(from.loads.subarray(0, length));
  to.stores.set(from.stores.subarray(0, length));
  return to;
}

function cutBlocks(
  columns: Columns,
  length: number,
  bucketCount: number,
  stripCount: number,
  unitCount: number,
): (Uint8Array<ArrayBuffer> | undefined)[] {
  // Counting sort by unit: buckets keep their order.
  const startOf = new Uint32Array(unitCount + 1);
  for (let i = 0; i < length; i++) startOf[columns.unit[i] + 1]++;
  for (let unit = 0; unit < unitCount; unit++) startOf[unit + 1] += startOf[unit];
  const stripBegins = Array.from({ length: stripCount + 1 }, (_, strip) => {
    return startOf[Math.min(unitCount, strip * STRIP_UNITS)];
  });
  const sorted = {
    place: new Uint32Array(length),
    loads: new Uint32Array(length),
    stores: new Uint32Array(length),
  };
  for (let i = 0; i < length; i++) {
    const unit = columns.unit[i];
    const at = startOf[unit]++;
    sorted.place[at] = (unit % STRIP_UNITS) * bucketCount + columns.bucket[i];
    sorted.loads[at] = columns.loads[i];
    sorted.stores[at] = columns.stores[i];
  }
  return Array.from({ length: stripCount }, (_, strip) => {
    const [begin, end] = [stripBegins[strip], stripBegins[strip + 1]];
    return begin === end ? undefined : encodeBlock(sorted, begin, end);
  });
}
