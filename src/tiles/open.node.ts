// SPDX-License-Identifier: Apache-2.0
import type { Trace } from '../format/index.ts';
import type { ChunkCache } from './chunk-cache.ts';
import type { ViewIndex } from './view-index.ts';

/**
 * Undefined: there is none for this trace: no file, one of another trace or version, or not finished. Throws
 * TraceError 'checksum' or 'corrupt' when it is damaged, 'io'. `chunks` stays the caller's to close.
 */
export function openViewIndex(
  indexFile: string,
  trace: Trace,
  chunks: ChunkCache,
): Promise<ViewIndex | undefined> {
  return Promise.reject(new Error(`internal: ${indexFile} ${trace.path} ${chunks.heldBytes}`));
}
