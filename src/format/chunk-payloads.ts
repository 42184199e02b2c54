// SPDX-License-Identifier: Apache-2.0
// Reads the payloads of chunks, one ahead of the one being decoded: at most two are in memory.

import type { ByteSource } from './byte-source.ts';
import type { ChunkRecord } from './chunk-header.ts';
import { readPayload } from './section.ts';

export interface LoadedChunk {
  readonly record: ChunkRecord;
  readonly payload: Uint8Array<ArrayBuffer>;
}

export async function* loadChunks(
  source: ByteSource,
  records: readonly ChunkRecord[],
  signal: AbortSignal | undefined,
): AsyncGenerator<LoadedChunk, void, undefined> {
  let ahead: Promise<Uint8Array<ArrayBuffer>> | undefined;
  for (let i = 0; i < records.length; i++) {
    signal?.throwIfAborted();
    const payload = await (ahead ?? readPayload(source, records[i].section));
    const next = records[i + 1];
    ahead = next === undefined ? undefined : readPayload(source, next.section);
    // A failure ahead is reported when its turn comes, or not at all when the consumer stops.
    ahead?.catch(() => undefined);
    yield { record: records[i], payload };
  }
}
