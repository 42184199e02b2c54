// SPDX-License-Identifier: Apache-2.0
// A block: the cells of some buckets and some units that are not empty, ordered by unit, then by bucket. Three
// runs of varints: distances between cells, loads, stores. Of most pages that are used at all every bucket has a
// cell: distances are 1, and counts like those before.

/** Cell i is of bucket place % bucketCount and unit place / bucketCount, both counted from the block's first. */
export interface BlockCells {
  readonly place: Uint32Array;
  readonly loads: Uint32Array;
  readonly stores: Uint32Array;
}

const MAX_VARINT_BYTES = 5;

/** Cells begin to end of these columns, ascending by place. */
export function encodeBlock(
  cells: BlockCells,
  begin: number,
  end: number,
): Uint8Array<ArrayBuffer> {
  const count = end - begin;
  const bytes = new Uint8Array((3 * count + 1) * MAX_VARINT_BYTES);
  let at = putVarint(bytes, 0, count);
  let next = 0;
  for (let i = begin; i < end; i++) {
    at = putVarint(bytes, at, cells.place[i] - next);
    next = cells.place[i] + 1;
  }
  for (let i = begin; i < end; i++) at = putVarint(bytes, at, cells.loads[i]);
  for (let i = begin; i < end; i++) at = putVarint(bytes, at, cells.stores[i]);
  return bytes.slice(0, at);
}

/** Undefined: these bytes are no block of so many places. */
export function decodeBlock(bytes: Uint8Array, placeCount: number): BlockCells | undefined {
  const reader = { bytes, at: 0 };
  const count = takeVarint(reader);
  // Three bytes are the least that a cell takes.
  if (count > (bytes.length - reader.at) / 3) return undefined;
  const place = new Uint32Array(count);
  let next = 0;
  for (let i = 0; i < count; i++) {
    const found = next + takeVarint(reader);
    if (found >= placeCount) return undefined;
    place[i] = found;
    next = found + 1;
  }
  const loads = takeAll(reader, count);
  const stores = takeAll(reader, count);
  return reader.at === bytes.length ? { place, loads, stores } : undefined;
}

interface VarintReader {
  readonly bytes: Uint8Array;
  at: number;
}

function takeAll(reader: VarintReader, count: number): Uint32Array {
  const column = new Uint32Array(count);
  for (let i = 0; i < count; i++) column[i] = takeVarint(reader);
  return column;
}

/** Beyond the end it goes on with zeros; where it ended up tells. */
function takeVarint(reader: VarintReader): number {
  const { bytes } = reader;
  let byte = bytes[reader.at++] ?? 0;
  if (byte < 128) return byte;
  let value = byte & 127;
  for (let scale = 128; scale < 2 ** 35; scale *= 128) {
    byte = bytes[reader.at++] ?? 0;
    value += (byte & 127) * scale;
    if (byte < 128) break;
  }
  return value;
}

function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest >= 128) {
    bytes[next++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[next++] = rest;
  return next;
}
