// SPDX-License-Identifier: Apache-2.0
// The one door to the decompressor. Sizes from a file are compared with what the bytes can hold before
// memory is taken for them.

import { ZSTDDecoder } from 'zstddec';

const decoder = new ZSTDDecoder();

/** Must have been awaited once before decompress() is called. */
export async function readyZstd(): Promise<void> {
  await decoder.init();
}

/** A zstd block is at least 4 bytes and gives at most 128 KiB: more cannot come out of storedBytes. */
export function isPossibleRawSize(rawBytes: number, storedBytes: number): boolean {
  return rawBytes === storedBytes || (rawBytes > 0 && rawBytes <= (storedBytes / 4 + 1) * 0x2_0000);
}

/** The rawBytes bytes of a frame, or undefined when it is damaged or holds another number of bytes. */
export function decompress(frame: Uint8Array, rawBytes: number): Uint8Array | undefined {
  // A size of 0 would ask the decoder to believe the frame's own.
  if (rawBytes === 0) return undefined;
  const raw = decoder.decode(frame, rawBytes);
  return raw.byteLength === rawBytes ? raw : undefined;
}
