// SPDX-License-Identifier: Apache-2.0
import { TraceError } from '../base/index.ts';
import type { ChunkInfo, ColumnArrays, ColumnName, Trace } from '../format/index.ts';
import { createByteLru } from './byte-lru.ts';
import type { ChunkCache } from './chunk-cache.ts';
import { type ChunkLane, startChunkLane } from './chunk-lane.node.ts';
import type { ChunkPlaces } from './chunk-protocol.ts';
import { COLUMN_BYTES } from './column-collector.ts';

export interface ChunkCacheOptions {
  /** Of decoded columns, and as many again of ranks; one chunk alone may take more. Default: 128 MiB. */
  readonly limitBytes?: number;
  /** Decoding threads, started when they are needed. Default: 2. */
  readonly workers?: number;
  /** Module of the threads; default: the one that was built beside this one. */
  readonly workerUrl?: URL;
}

const LIMIT_BYTES = 128 * 2 ** 20;
const WORKER_URL = new URL('./chunks.worker.node.js', import.meta.url);
/** Of an access in ChunkPlaces. */
const PLACE_BYTES = 6;

/** The trace must be a file. */
export function createChunkCache(trace: Trace, options: ChunkCacheOptions = {}): ChunkCache {
  const { limitBytes = LIMIT_BYTES, workers = 2, workerUrl = WORKER_URL } = options;
  const columnsHeld = createByteLru<Partial<ColumnArrays>>(limitBytes);
  const placesHeld = createByteLru<ChunkPlaces>(limitBytes);
  // What is being decoded: others that want it wait for it too.
  const columnsComing = new Map<string, Promise<Partial<ColumnArrays>>>();
  const placesComing = new Map<string, Promise<ChunkPlaces>>();
  let lanes: ChunkLane[] = [];
  const chooseLane = (): ChunkLane => {
    lanes = lanes.filter((lane) => !lane.isBroken());
    const idle = lanes.find((lane) => lane.waiting() === 0);
    if (idle !== undefined) return idle;
    if (lanes.length < workers) {
      const lane = startChunkLane(workerUrl, trace.path);
      lanes.push(lane);
      return lane;
    }
    return lanes.reduce((least, lane) => (lane.waiting() < least.waiting() ? lane : least));
  };
  const decodeColumns = (chunk: ChunkInfo, names: readonly ColumnName[]): void => {
    const { chunkIndex, accessCount } = chunk;
    const decoded = chooseLane().columns(chunkIndex, names);
    for (const name of names) {
      const key = columnKey(chunkIndex, name);
      const coming = decoded
        .then((arrays) => {
          const own = pickColumn(arrays, name);
          columnsHeld.put(key, own, COLUMN_BYTES[name] * accessCount);
          return own;
        })
        .finally(() => columnsComing.delete(key));
      columnsComing.set(key, coming);
    }
  };
  return {
    async columns(chunkIndex, names, signal) {
      const chunk = requireChunk(trace, chunkIndex);
      const wanted = [...new Set(names)];
      const held = new Map(
        wanted.map((name) => [name, columnsHeld.find(columnKey(chunkIndex, name))]),
      );
      const missing = wanted.filter(
        (name) => held.get(name) === undefined && !columnsComing.has(columnKey(chunkIndex, name)),
      );
      if (missing.length > 0) decodeColumns(chunk, missing);
      const columns = wanted.map(
        async (name) => held.get(name) ?? (await columnsComing.get(columnKey(chunkIndex, name))),
      );
      const arrays: Partial<ColumnArrays> = Object.assign(
        {},
        ...(await interruptible(Promise.all(columns), signal)),
      );
      const { stream, firstOrdinal, accessCount } = chunk;
      return { ...arrays, chunkIndex, stream, firstOrdinal, length: accessCount };
    },
    async places(chunkIndex, space, pages, signal) {
      const { accessCount } = requireChunk(trace, chunkIndex);
      const key = `${chunkIndex} ${space}`;
      const held = placesHeld.find(key);
      if (held !== undefined) return held;
      let coming = placesComing.get(key);
      if (coming === undefined) {
        coming = chooseLane()
          .places(chunkIndex, space, pages)
          .then((places) => {
            placesHeld.put(key, places, PLACE_BYTES * accessCount);
            return places;
          })
          .finally(() => placesComing.delete(key));
        placesComing.set(key, coming);
      }
      return interruptible(coming, signal);
    },
    get heldBytes() {
      return columnsHeld.heldBytes + placesHeld.heldBytes;
    },
    async close() {
      await Promise.all(lanes.map(async (lane) => lane.stop()));
    },
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

/** Throws the signal's reason at once; what was asked for goes on. */
async function interruptible<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  signal?.throwIfAborted();
  if (signal === undefined) return promise;
  promise.catch(() => undefined);
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(signal.reason);
    };
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', stop);
    });
  });
}
