// SPDX-License-Identifier: Apache-2.0
import { Buffer } from 'node:buffer';
import { setMaxListeners } from 'node:events';
import { clearTimeout, setTimeout } from 'node:timers';
import { TraceError } from '../base/index.ts';
import type { ChunkInfo, Trace } from '../format/index.ts';
import type { ChunkCache } from './chunk-cache.ts';
import { chunksOf } from './chunk-range.ts';
import type { SpaceDescription } from './description.ts';
import { addPlaces } from './exact-tile.ts';
import { fingerprintOf } from './fingerprint.node.ts';
import { type IndexFile, levelsOf, openIndexFile } from './index-file.node.ts';
import { tileOfIndex } from './index-tile.ts';
import { BASE_STEP } from './layout.ts';
import { createPageAxis, type PageNumbers, pageNumbersOf } from './page-axis.ts';
import { createTileGrid, finishTile } from './tile-grid.ts';
import { findTouched, withDamaged } from './touched.ts';
import { readTracks } from './tracks.node.ts';
import type { DamagedStretch, Space, Tile, TileQuery, ViewIndex } from './view-index.ts';
import {
  badArgument,
  requireStream,
  requireTileQuery,
  requireTouchQuery,
  requireTracksQuery,
} from './view-queries.ts';

/**
 * Chunks that are decoded for a tile, at most: accesses in all, and in its window. Their places, 6 bytes each, fit
 * into the chunk cache together: else each pushes out another, and the tile is refined for ever.
 */
const DEEP_CHUNK_ACCESSES = 9 * 2 ** 20;
const DEEP_WINDOW = 2 ** 23;
const DEEP_CHUNKS = 64;

/**
 * Undefined: there is none for this trace: no file, or one of another trace or version. An index that is not
 * finished has another name. Throws TraceError 'truncated', 'checksum' or 'corrupt' when it is damaged, 'bad-argument'
 * when it never was an index and must not be written over, 'io'.
 * `chunks` stays the caller's to close.
 */
export async function openViewIndex(
  indexFile: string,
  trace: Trace,
  chunks: ChunkCache,
): Promise<ViewIndex | undefined> {
  const file = await openIndexFile(indexFile);
  if (file === undefined) return undefined;
  const { description } = file;
  if (description.fingerprint !== Buffer.from(fingerprintOf(trace)).toString('hex')) {
    await file.close();
    return undefined;
  }
  try {
    const spaces = {
      virtual: await readPages(file, indexFile, description.virtual),
      physical: await readPages(file, indexFile, description.physical),
    };
    return createViewIndex(file, trace, chunks, spaces);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readPages(
  file: IndexFile,
  indexFile: string,
  space: SpaceDescription | null,
): Promise<PageNumbers | null> {
  if (space === null) return null;
  const [lo, hi] = await file.arrays(space.pages, 2);
  const pages = lo.length === hi.length ? pageNumbersOf(lo, hi) : undefined;
  if (pages?.lo.length === space.pageCount) return pages;
  throw new TraceError('corrupt', 'the view index has impossible pages', {
    ...{ file: indexFile, fileOffset: space.pages.at },
    remedy: 'Delete the file: it is made anew.',
  });
}

function createViewIndex(
  file: IndexFile,
  trace: Trace,
  chunks: ChunkCache,
  spaces: { readonly [S in Space]: PageNumbers | null },
): ViewIndex {
  const { streams } = file.description;
  const damaged = damagedStretches(file, trace);
  const isDamaged = new Set(damaged.map(({ chunkIndex }) => chunkIndex));
  const readable = trace.chunks.filter(({ chunkIndex }) => !isDamaged.has(chunkIndex));
  const requirePages = (space: Space): PageNumbers => {
    const pages = spaces[space];
    if (pages !== null) return pages;
    throw badArgument(`the trace has no ${space} addresses`, 'another space', space);
  };
  const exactTile = async (
    query: TileQuery,
    wanted: readonly ChunkInfo[],
    pages: PageNumbers,
    signal: AbortSignal | undefined,
  ): Promise<Tile> => {
    const places = await Promise.all(
      wanted.map(async ({ chunkIndex }) => chunks.places(chunkIndex, query.space, pages, signal)),
    );
    const grid = createTileGrid(query);
    for (const [at, { firstOrdinal }] of wanted.entries()) {
      const own = places[at];
      if (own !== undefined) addPlaces(grid, own, firstOrdinal, pages.lo.length);
    }
    return finishTile(grid, 1, 1);
  };
  return {
    pages: {
      virtual: spaces.virtual === null ? null : createPageAxis(spaces.virtual),
      physical: spaces.physical === null ? null : createPageAxis(spaces.physical),
    },
    indexBytes: file.fileBytes,
    vcpusOf: (stream) => streams.find((one) => one.stream === stream)?.vcpus ?? [],
    damaged,
    async tile(query, signal) {
      requireTileQuery(query);
      signal?.throwIfAborted();
      const pages = requirePages(query.space);
      const stream = requireStream(streams, query.stream);
      const wanted = chunksToDecode(readable, query);
      const pageCount = pages.lo.length;
      if (wanted === undefined) return tileOfIndex(file, stream, pageCount, query, signal);
      const late = new AbortController();
      const signals = signal === undefined ? [late.signal] : [late.signal, signal];
      const either = AbortSignal.any(signals);
      setMaxListeners(0, either); // one for each chunk: Node.js warns of more than ten
      const exact = exactTile(query, wanted, pages, either);
      const tile = await within(exact, query.patienceMs);
      if (tile !== undefined) return tile;
      late.abort();
      return { ...(await tileOfIndex(file, stream, pageCount, query, signal)), refining: true };
    },
    async tracks(query, signal) {
      requireTracksQuery(query);
      return readTracks(file, requireStream(streams, query.stream), query, signal);
    },
    touched(query) {
      const pageCount = requirePages(query.space).lo.length;
      requireTouchQuery(query, pageCount);
      const stream = requireStream(streams, query.stream);
      const levels = levelsOf(stream, query.space, pageCount);
      const counted = findTouched(file, levels, query, stream.ordinalEnd);
      return withDamaged(counted, damaged, query);
    },
    close: () => file.close(),
  };
}

function damagedStretches(file: IndexFile, trace: Trace): DamagedStretch[] {
  return file.description.damaged.flatMap(({ chunkIndex, why }) => {
    const chunk = trace.chunks[chunkIndex];
    if (chunk === undefined) return [];
    const { stream, firstOrdinal: from, accessCount } = chunk;
    return [{ chunkIndex, stream, from, to: from + accessCount, why }];
  });
}

/** Undefined when the promise takes longer. */
async function within<T>(promise: Promise<T>, limitMs: number | undefined): Promise<T | undefined> {
  if (limitMs === undefined) return promise;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      resolve(undefined);
    }, limitMs);
  });
  // When it is late nobody looks at how it ends: the next one that asks is told.
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Those of the window when the index is too coarse for the tile and they are few; else undefined. */
function chunksToDecode(all: readonly ChunkInfo[], query: TileQuery): ChunkInfo[] | undefined {
  const { from, to, columns, low, high, rows } = query;
  const isCoarse = to - from < BASE_STEP * columns || high - low < rows;
  if (!isCoarse || to - from > DEEP_WINDOW) return undefined;
  const wanted = chunksOf({ chunks: all }, query.stream, query);
  const accesses = wanted.reduce((sum, { accessCount }) => sum + accessCount, 0);
  return wanted.length <= DEEP_CHUNKS && accesses <= DEEP_CHUNK_ACCESSES ? wanted : undefined;
}
