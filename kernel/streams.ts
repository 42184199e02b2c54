// SPDX-License-Identifier: Apache-2.0
// Reading the eleven streams of a chunk, and the first failure of a chunk. Every read is compared with
// the stream's end. After a failure readers give 0 and the decode loop stops at its next look.

import { STREAMS } from './memory-map';

export const S_BLOCK_RUNS: usize = STREAMS;
export const S_BLOCK_CODES: usize = STREAMS + 8;
export const S_BLOCK_IDS: usize = STREAMS + 16;
export const S_SHAPES: usize = STREAMS + 24;
export const S_ACCESS_RUNS: usize = STREAMS + 32;
export const S_ACCESS_CODES: usize = STREAMS + 40;
export const S_DELTA1: usize = STREAMS + 48;
export const S_DELTA2: usize = STREAMS + 56;
export const S_DELTA3: usize = STREAMS + 64;
export const S_DELTA6: usize = STREAMS + 72;
export const S_NOTES: usize = STREAMS + 80;

export let failure: i32 = 0;

export function fail(code: i32): void {
  if (failure === 0) failure = code;
}

export function forgetFailure(): void {
  failure = 0;
}

export function bytesLeft(stream: usize): u32 {
  return load<u32>(stream, 4) - load<u32>(stream);
}

export function readU8(stream: usize, failureCode: i32): u32 {
  const at: usize = load<u32>(stream);
  if (at >= load<u32>(stream, 4)) {
    fail(failureCode);
    return 0;
  }
  store<u32>(stream, u32(at) + 1);
  return load<u8>(at);
}

/** The next sizeBytes (1 to 8) as a little-endian number. What is read past the end is masked off: streams are padded. */
export function readBytes(stream: usize, sizeBytes: u32, failureCode: i32): u64 {
  if (bytesLeft(stream) < sizeBytes) {
    fail(failureCode);
    return 0;
  }
  const at: usize = load<u32>(stream);
  store<u32>(stream, u32(at) + sizeBytes);
  return load<u64>(at) & (u64(0xffff_ffff_ffff_ffff) >> ((8 - sizeBytes) * 8));
}

export function readVarint(stream: usize, failureCode: i32): u64 {
  let at: usize = load<u32>(stream);
  const end: usize = load<u32>(stream, 4);
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    if (at >= end) break;
    const byte: u64 = load<u8>(at);
    at++;
    if (shift === 63 && byte > 1) break;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      store<u32>(stream, u32(at));
      return value;
    }
  }
  fail(failureCode);
  return 0;
}

/** A run of hits. No run is longer than what a chunk may hold, 2^25; a longer one is a failure. */
export function readRun(stream: usize, failureCode: i32): u32 {
  const at: usize = load<u32>(stream);
  if (at < load<u32>(stream, 4)) {
    const byte: u32 = load<u8>(at);
    if (byte < 0x80) {
      store<u32>(stream, u32(at) + 1);
      return byte;
    }
  }
  const value = readVarint(stream, failureCode);
  if (value > 1 << 25) {
    fail(failureCode);
    return 0;
  }
  return u32(value);
}

export function unzigzag(value: u64): u64 {
  return (value >> 1) ^ (0 - (value & 1));
}
