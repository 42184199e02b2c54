// SPDX-License-Identifier: Apache-2.0
import { TraceError } from '../base/index.ts';
import type { ChunkInfo, ColumnArrays, ColumnName, Trace } from '../format/index.ts';
import { createByteLru } from './byte-lru.ts';
import type { ChunkCache } from './chunk-cache.ts';
import { startChunkLane } from './chunk-lane.node.ts';
import type { ChunkPlaces } from './chunk-protocol.ts';
import { COLUMN_BYTES } from './column-collector.ts';
import { type Coming, createDecodeQueue } from './decode-queue.ts';

export interface ChunkCacheOptions {
  /** Of decoded columns and of places together; one of them alone may take more. Default: 54 MiB. */
  readonly limitBytes?: number;
  /** Decoding threads. Default: 2. */
  readonly workers?: number;
  /** Module of the threads; default: the one that was built beside this one. */
  readonly workerUrl?: URL;
}

/** The places of DEEP_CHUNK_ACCESSES, or what a search looks at of one chunk. */
const LIMIT_BYTES = 54 * 2 ** 20;
const WORKER_URL = new URL('./chunks.worker.node.js', import.meta.url);
/** Of an access in ChunkPlaces. */
const PLACE_BYTES = 6;

/** One or the other. */
interface Held {
  readonly columns?: Partial<ColumnArrays>;
  readonly places?: ChunkPlaces;
}

/** The trace must be a file. */
export function createChunkCache(trace: Trace, options: ChunkCacheOptions = {}): ChunkCache {
  const { limitBytes = LIMIT_BYTES, workers = 2, workerUrl = WORKER_URL } = options;
  const held = createByteLru<Held>(limitBytes);
  // What is being decoded: others that want it wait for it too.
  const columnsComing = new Map<string, Coming<Partial<ColumnArrays>>>();
  const placesComing = new Map<string, Coming<ChunkPlaces>>();
  const queue = createDecodeQueue(workers, () => startChunkLane(workerUrl, trace.path));
  const decodeColumns = (chunk: ChunkInfo, names: readonly ColumnName[]): void => {
    const { chunkIndex, accessCount } = chunk;
    held.makeRoom(names.reduce((sum, name) => sum + COLUMN_BYTES[name] * accessCount, 0));
    const { job, result } = queue.add(async (lane) => lane.columns(chunkIndex, names));
    for (const name of names) {
      const key = columnKey(chunkIndex, name);
      const promise = result
        .then((arrays) => {
          const own = pickColumn(arrays, name);
          held.put(key, { columns: own }, COLUMN_BYTES[name] * accessCount);
          return own;
        })
        .finally(() => columnsComing.delete(key));
      columnsComing.set(key, { job, promise });
    }
  };
  return {
    async columns(chunkIndex, names, signal) {
      const chunk = requireChunk(trace, chunkIndex);
      signal?.throwIfAborted();
      const wanted = [...new Set(names)];
      const found = new Map(
        wanted.map((name) => [name, held.find(columnKey(chunkIndex, name))?.columns]),
      );
      const missing = wanted.filter(
        (name) => found.get(name) === undefined && !columnsComing.has(columnKey(chunkIndex, name)),
      );
      if (missing.length > 0) decodeColumns(chunk, missing);
      const columns = wanted.map(async (name) => {
        const coming = columnsComing.get(columnKey(chunkIndex, name));
        const own = found.get(name);
        if (own !== undefined) return own;
        return coming === undefined ? {} : queue.wait(coming, signal);
      });
      const arrays = (await Promise.all(columns)).reduce<Partial<ColumnArrays>>(
        (all, own) => ({ ...all, ...own }),
        {},
      );
      const { stream, firstOrdinal, accessCount } = chunk;
      return { ...arrays, chunkIndex, stream, firstOrdinal, length: accessCount };
    },
    async places(chunkIndex, space, pages, signal) {
      const { accessCount } = requireChunk(trace, chunkIndex);
      signal?.throwIfAborted();
      const key = `${chunkIndex} ${space}`;
      const known = held.find(key)?.places;
      if (known !== undefined) return known;
      let coming = placesComing.get(key);
      if (coming === undefined) {
        held.makeRoom(PLACE_BYTES * accessCount);
        const { job, result } = queue.add(async (lane) => lane.places(chunkIndex, space, pages));
        const promise = result
          .then((places) => {
            held.put(key, { places }, PLACE_BYTES * accessCount);
            return places;
          })
          .finally(() => placesComing.delete(key));
        coming = { job, promise };
        placesComing.set(key, coming);
      }
      return queue.wait(coming, signal);
    },
    get heldBytes() {
      return held.heldBytes;
    },
    async release() {
      held.clear();
      await queue.release();
    },
    close: async () => queue.close(),
  };
}

function columnKey(chunkIndex: number, name: ColumnName): string {
  return `${chunkIndex} ${name}`;
}

/** The column alone, with the crossings that belong to paddr. */
function pickColumn(arrays: Partial<ColumnArrays>, name: ColumnName): Partial<ColumnArrays> {
  const { crossings } = arrays;
  return {
    [name]: arrays[name],
    ...(name === 'paddr' && crossings !== undefined ? { crossings } : {}),
  };
}

function requireChunk(trace: Trace, chunkIndex: number): ChunkInfo {
  const chunk = trace.chunks[chunkIndex];
  if (chunk !== undefined) return chunk;
  throw new TraceError('bad-argument', 'there is no such chunk', {
    expected: `0 to ${trace.chunks.length - 1}`,
    found: String(chunkIndex),
  });
}
