// SPDX-License-Identifier: Apache-2.0
import { TraceError } from '../base/index.ts';
import type { ChunkInfo, Trace } from '../format/index.ts';
import type { ChunkCache } from './chunk-cache.ts';
import type { SpaceDescription, StreamDescription } from './description.ts';
import { addPlaces } from './exact-tile.ts';
import { fingerprintOf } from './fingerprint.node.ts';
import { type IndexFile, type Level, openIndexFile } from './index-file.node.ts';
import { chooseLevel, createBlockAdder, visibleBuckets, visibleUnits } from './index-tile.ts';
import { BASE_STEP, PAGE_BYTES } from './layout.ts';
import { createPageAxis, type PageNumbers, pageNumbersOf } from './page-axis.ts';
import { createTileGrid, finishTile } from './tile-grid.ts';
import { findTouched } from './touched.ts';
import { readTracks } from './tracks.node.ts';
import type { Space, Tile, TileQuery, ViewIndex } from './view-index.ts';
import {
  badArgument,
  requireStream,
  requireTileQuery,
  requireTouchQuery,
  requireTracksQuery,
} from './view-queries.ts';

/** Chunks that are decoded for a tile, at most: accesses in all, and in its window. */
const DEEP_CHUNK_ACCESSES = 3 * 2 ** 22;
const DEEP_WINDOW = 2 ** 23;
const DEEP_CHUNKS = 64;

/**
 * Undefined: there is none for this trace: no file, or one of another trace or version. An index that is not
 * finished has another name. Throws TraceError 'truncated', 'checksum' or 'corrupt' when it is damaged, 'io'.
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
  const requirePages = (space: Space): PageNumbers => {
    const pages = spaces[space];
    if (pages !== null) return pages;
    throw badArgument(`the trace has no ${space} addresses`, 'another space', space);
  };
  const tileOfIndex = async (
    query: TileQuery,
    stream: StreamDescription,
    pageCount: number,
    refining: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Tile> => {
    const grid = createTileGrid(query);
    const level = chooseLevel(levelsOf(stream, query.space, pageCount), grid);
    if (level === undefined) return finishTile(grid, { timeStep: 1, byteStep: 1, refining });
    const adder = createBlockAdder(grid, level, stream.ordinalEnd, pageCount);
    const blocks = file.blocks(level, visibleBuckets(level, grid), visibleUnits(level, grid));
    for await (const block of blocks) {
      signal?.throwIfAborted();
      adder.add(block);
    }
    const timeStep = 2 ** level.timeShift;
    return finishTile(grid, { timeStep, byteStep: PAGE_BYTES * 2 ** level.unitShift, refining });
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
      if (own !== undefined) addPlaces(grid, own, firstOrdinal);
    }
    return finishTile(grid, { timeStep: 1, byteStep: 1, refining: false });
  };
  return {
    pages: {
      virtual: spaces.virtual === null ? null : createPageAxis(spaces.virtual),
      physical: spaces.physical === null ? null : createPageAxis(spaces.physical),
    },
    indexBytes: file.fileBytes,
    async tile(query, signal) {
      requireTileQuery(query);
      const pages = requirePages(query.space);
      const stream = requireStream(streams, query.stream);
      const wanted = chunksToDecode(trace.chunks, query);
      if (wanted === undefined) {
        return tileOfIndex(query, stream, pages.lo.length, false, signal);
      }
      const exact = exactTile(query, wanted, pages, signal);
      const tile = await within(exact, query.patienceMs);
      return tile ?? tileOfIndex(query, stream, pages.lo.length, true, signal);
    },
    async tracks(query, signal) {
      requireTracksQuery(query);
      return readTracks(file, requireStream(streams, query.stream), query, signal);
    },
    touched(query) {
      const pageCount = requirePages(query.space).lo.length;
      requireTouchQuery(query, pageCount);
      const stream = requireStream(streams, query.stream);
      return findTouched(file, levelsOf(stream, query.space, pageCount), query, stream.ordinalEnd);
    },
    close: () => file.close(),
  };
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

function levelsOf(stream: StreamDescription, space: Space, pageCount: number): Level[] {
  return stream[space].map((level) => ({
    ...level,
    bucketEnd: Math.ceil(stream.ordinalEnd / 2 ** level.timeShift),
    unitEnd: Math.ceil(pageCount / 2 ** level.unitShift),
  }));
}

/** Those of the window when the index is too coarse for the tile and they are few; else undefined. */
function chunksToDecode(all: readonly ChunkInfo[], query: TileQuery): ChunkInfo[] | undefined {
  const { from, to, columns, low, high, rows } = query;
  const isCoarse = to - from < BASE_STEP * columns || high - low < rows;
  if (!isCoarse || to - from > DEEP_WINDOW) return undefined;
  const wanted = chunksBetween(all, query);
  const accesses = wanted.reduce((sum, { accessCount }) => sum + accessCount, 0);
  return wanted.length <= DEEP_CHUNKS && accesses <= DEEP_CHUNK_ACCESSES ? wanted : undefined;
}

function chunksBetween(
  all: readonly ChunkInfo[],
  { stream, from, to }: Pick<TileQuery, 'stream' | 'from' | 'to'>,
): ChunkInfo[] {
  return all.filter(
    (chunk) =>
      chunk.stream === stream &&
      chunk.firstOrdinal < to &&
      chunk.firstOrdinal + chunk.accessCount > from,
  );
}
