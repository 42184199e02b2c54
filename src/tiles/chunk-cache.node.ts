// SPDX-License-Identifier: Apache-2.0
import type { Trace } from '../format/index.ts';
import type { ChunkCache } from './chunk-cache.ts';

export function createChunkCache(trace: Trace, limitBytes: number): ChunkCache {
  throw new Error(`internal: ${trace.path} ${limitBytes}`);
}
