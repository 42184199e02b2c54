// SPDX-License-Identifier: Apache-2.0
// A trace that is damaged in one chunk.

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { requireDefined } from '../../src/base/index.ts';
import { type ChunkInfo, openTrace } from '../../src/format/index.ts';

/** Damages a byte in the middle of this chunk; a second time mends it. */
export async function flipByteOfChunk(file: string, chunkIndex: number): Promise<ChunkInfo> {
  const trace = await openTrace(file);
  const chunk = requireDefined(trace.chunks[chunkIndex], 'the trace has as many chunks');
  await trace.close();
  const at = chunk.fileOffset + Math.floor(chunk.payloadBytes / 2);
  const handle = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  readSync(handle, byte, 0, 1, at);
  writeSync(handle, Buffer.of((byte[0] ?? 0) ^ 0x40), 0, 1, at);
  closeSync(handle);
  return chunk;
}
