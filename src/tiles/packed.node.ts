// SPDX-License-Identifier: Apache-2.0
// Arrays of u32 as compressed bytes, and back. What is read back was compared with a checksum, and yet every
// count is compared with the bytes that are there before memory is taken for it.

import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { MAX_INFLATE_RATIO } from './layout.ts';

export interface PackedBytes {
  readonly stored: Uint8Array<ArrayBuffer>;
  readonly rawBytes: number;
}

/** Each array's length, then the arrays. Level as zlib's. */
export function packArrays(arrays: readonly Uint32Array[], level = 6): PackedBytes {
  const words = arrays.reduce((sum, array) => sum + array.length, arrays.length);
  const raw = new Uint32Array(words);
  let at = arrays.length;
  arrays.forEach((array, i) => {
    raw[i] = array.length;
    raw.set(array, at);
    at += array.length;
  });
  return { stored: deflate(new Uint8Array(raw.buffer), level), rawBytes: raw.byteLength };
}

/** Undefined: it is not so many arrays. */
export function unpackArrays(
  stored: Uint8Array,
  rawBytes: number,
  arrayCount: number,
): Uint32Array[] | undefined {
  const bytes = rawBytes % 4 === 0 ? inflate(stored, rawBytes) : undefined;
  if (bytes === undefined || rawBytes < 4 * arrayCount) return undefined;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, rawBytes / 4);
  const arrays: Uint32Array[] = [];
  let at = arrayCount;
  for (let i = 0; i < arrayCount; i++) {
    if (words[i] > words.length - at) return undefined;
    arrays.push(words.subarray(at, at + words[i]));
    at += words[i];
  }
  return at === words.length ? arrays : undefined;
}

export function deflate(bytes: Uint8Array, level = 6): Uint8Array<ArrayBuffer> {
  return new Uint8Array(deflateRawSync(bytes, { level }));
}

/** Exactly rawBytes, in memory of their own; undefined when that is not what was stored. */
export function inflate(stored: Uint8Array, rawBytes: number): Uint8Array<ArrayBuffer> | undefined {
  if (rawBytes > stored.byteLength * MAX_INFLATE_RATIO) return undefined;
  try {
    // In one piece: zlib puts larger answers together from pieces of 16 KiB.
    const size = { maxOutputLength: Math.max(1, rawBytes), chunkSize: Math.max(64, rawBytes) };
    const { buffer, byteLength, byteOffset } = inflateRawSync(stored, size);
    if (byteLength !== rawBytes) return undefined;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    return buffer.byteLength === rawBytes ? bytes : bytes.slice();
  } catch {
    return undefined;
  }
}
