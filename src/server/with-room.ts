// SPDX-License-Identifier: Apache-2.0
import { Session } from 'node:inspector';
import type { ChunkCache } from '../tiles/index.ts';

/**
 * Gives back what nothing refers to any more, now: columns of chunks lie outside of the heap and do not hurry its
 * collector. Takes some 50 ms of this thread: for before and after what takes seconds, not for each question.
 */
function collectGarbage(): void {
  const session = new Session();
  session.connect();
  session.post('HeapProfiler.collectGarbage');
  session.disconnect();
}

/** Work whose threads need the memory more than what tiles and lists are made of. */
export async function withRoom<T>(chunks: ChunkCache, work: () => Promise<T>): Promise<T> {
  await chunks.release();
  collectGarbage();
  try {
    return await work();
  } finally {
    collectGarbage();
  }
}
