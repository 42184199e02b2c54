// SPDX-License-Identifier: Apache-2.0
// The one door to the decompressor. Sizes from a file are compared with what the bytes can hold before
// memory is taken for them.

import { ZSTDDecoder } from 'zstddec';

/** The part of zstd's own interface that is used. */
interface ZstdExports {
  readonly memory: WebAssembly.Memory;
  malloc(byteCount: number): number;
  free(at: number): void;
  /** Bytes that came out; not a number of those when the frame is damaged. */
  ZSTD_decompress(into: number, intoBytes: number, from: number, fromBytes: number): number;
}

let zstd: ZstdExports | undefined;
let compiled: WebAssembly.Module | undefined;

/** Gives what it has compiled: decode() returns each frame in new memory, of which there would be hundreds in a chunk. */
class OpenDecoder extends ZSTDDecoder {
  // Called without `this`.
  override _init(result: WebAssembly.Instantiated): void {
    zstd = exportsOf(result.instance);
    compiled = result.module;
    super._init(result);
  }
}

const decoder = new OpenDecoder();

/** Must have been awaited once before decompress() is called. */
export async function readyZstd(): Promise<void> {
  if (zstd === undefined) await decoder.init();
}

/** What another thread can be ready with sooner; undefined when it is not known here. */
export function zstdModule(): WebAssembly.Module | undefined {
  return compiled;
}

/** Instead of readyZstd(), with what zstdModule() gave in another thread. */
export async function readyZstdModule(module: WebAssembly.Module | undefined): Promise<void> {
  if (module === undefined) return readyZstd();
  if (zstd !== undefined) return;
  zstd = exportsOf(
    new WebAssembly.Instance(module, { env: { emscripten_notify_memory_growth() {} } }),
  );
  compiled = module;
}

function exportsOf({ exports }: WebAssembly.Instance): ZstdExports {
  if (isZstdExports(exports)) return exports;
  throw new Error('internal: the decompressor lacks an export');
}

function isZstdExports(exports: object): exports is ZstdExports {
  const found = new Map<string, unknown>(Object.entries(exports));
  return (
    found.get('memory') instanceof WebAssembly.Memory &&
    ['malloc', 'free', 'ZSTD_decompress'].every((name) => typeof found.get(name) === 'function')
  );
}

/** A zstd block is at least 4 bytes and gives at most 128 KiB: more cannot come out of storedBytes. */
export function isPossibleRawSize(rawBytes: number, storedBytes: number): boolean {
  return rawBytes === storedBytes || (rawBytes > 0 && rawBytes <= (storedBytes / 4 + 1) * 0x2_0000);
}

/** The rawBytes bytes of a frame, or undefined when it is damaged or holds another number of bytes. */
export function decompress(
  frame: Uint8Array,
  rawBytes: number,
): Uint8Array<ArrayBuffer> | undefined {
  const raw = new Uint8Array(rawBytes);
  return decompressInto(frame, raw) ? raw : undefined;
}

/** Fills all of `raw`; false when the frame is damaged or holds another number of bytes. */
export function decompressInto(frame: Uint8Array, raw: Uint8Array): boolean {
  const rawBytes = raw.byteLength;
  // A size of 0 would ask the decoder to believe the frame's own.
  if (rawBytes === 0) return false;
  if (zstd === undefined) return decodeInto(frame, raw);
  const from = zstd.malloc(frame.byteLength);
  const into = zstd.malloc(rawBytes);
  try {
    if (from === 0 || into === 0) return false;
    new Uint8Array(zstd.memory.buffer).set(frame, from);
    const count = zstd.ZSTD_decompress(into, rawBytes, from, frame.byteLength);
    if (count !== rawBytes) return false;
    raw.set(new Uint8Array(zstd.memory.buffer, into, rawBytes));
    return true;
  } finally {
    zstd.free(into);
    zstd.free(from);
  }
}

/** When somebody else in this process was the first to use the package: it compiles once, and gives only them what it has. */
function decodeInto(frame: Uint8Array, raw: Uint8Array): boolean {
  const decoded = decoder.decode(frame, raw.byteLength);
  if (decoded.byteLength !== raw.byteLength) return false;
  raw.set(decoded);
  return true;
}
