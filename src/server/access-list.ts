// SPDX-License-Identifier: Apache-2.0
// The accesses of a window as a list that is scrolled over: without a range of addresses it is counted at once, with one
// as far as it was scrolled to. What is held is bounded: counts by chunk, and the places of the last chunks.

import { TraceError } from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import {
  type ChunkCache,
  type ChunkColumns,
  chunksOf,
  createByteLru,
  endOfStream,
  type OrdinalRange,
  type ViewIndex,
} from '../tiles/index.ts';
import { allMatches, matchColumns, matcherFor } from './address-match.ts';
import type { TraceWindow } from './parameters.ts';
import { stretchesOf } from './stretches.ts';

/** Ordinals of rows of a list. */
export interface ListPart {
  /** Fewer than were asked for: the list ends, or was not counted so far in the time there was. */
  readonly ordinals: readonly number[];
  /** More of them, that the same chunk holds. */
  readonly ahead: readonly number[];
  readonly total: number;
  readonly counted: boolean;
}

export interface AccessLists {
  /** Throws as the trace does, and the signal's reason. */
  part(window: TraceWindow, offset: number, count: number, signal: AbortSignal): Promise<ListPart>;
}

/** How long one question counts on. */
const PATIENCE_MS = 1500;
const AHEAD = 1000;
const MOST_LISTS = 8;
/** Places of matches that are held. */
const PLACES_BYTES = 2 ** 24;
/** Of a chunk without any, about. */
const ENTRY_BYTES = 256;

interface CountedChunk {
  readonly chunkIndex: number;
  /** Matches in the chunks before it. */
  readonly before: number;
  readonly count: number;
}

interface List {
  readonly window: TraceWindow;
  readonly chunks: CountedChunk[];
  readonly stretches: AsyncGenerator<OrdinalRange, void, undefined>;
  /** Chunks that are to be counted next, and the last one that was found. */
  readonly waiting: number[];
  lastChunk: number;
  total: number;
  counted: boolean;
  /** One question at a time counts on. */
  turn: Promise<unknown>;
}

export function createAccessLists(
  trace: Trace,
  chunks: ChunkCache,
  findIndex: () => ViewIndex | undefined,
): AccessLists {
  const lists = new Map<string, List>();
  const places = createByteLru<Uint32Array>(PLACES_BYTES);

  const listOf = (window: TraceWindow): List => {
    const key = keyOf(window);
    const known = lists.get(key);
    const list = known ?? {
      ...{ window, chunks: [], waiting: [], lastChunk: -1 },
      ...{ total: 0, counted: false, turn: Promise.resolve() },
      stretches: stretchesOf(trace, findIndex(), window, 'forward'),
    };
    lists.delete(key);
    lists.set(key, list);
    for (const oldest of lists.keys()) {
      if (lists.size <= MOST_LISTS) break;
      lists.delete(oldest);
    }
    return list;
  };

  /** Ordinals of the chunk's matches, less its first ordinal. */
  const placesIn = async (
    { window }: List,
    chunkIndex: number,
    signal: AbortSignal,
  ): Promise<Uint32Array> => {
    const key = `${chunkIndex} ${keyOf(window)}`;
    const known = places.find(key);
    if (known !== undefined) return known;
    const found = await findPlaces(chunks, window, chunkIndex, signal);
    places.put(key, found, found.byteLength + ENTRY_BYTES);
    return found;
  };

  /** Counts until so many are known, or all, or the time is over. */
  const countTo = async (list: List, wanted: number, signal: AbortSignal): Promise<void> => {
    const beganMs = performance.now();
    while (!list.counted && list.total < wanted && performance.now() - beganMs < PATIENCE_MS) {
      const [chunkIndex] = list.waiting;
      if (chunkIndex === undefined) {
        await takeStretch(list);
        continue;
      }
      signal.throwIfAborted();
      try {
        const { length } = await placesIn(list, chunkIndex, signal);
        list.chunks.push({ chunkIndex, before: list.total, count: length });
        list.total += length;
      } catch (error) {
        // One that is damaged is told of once, and then left out: what follows can still be read.
        if (error instanceof TraceError) list.waiting.shift();
        throw error;
      }
      list.waiting.shift();
    }
  };

  const takeStretch = async (list: List): Promise<void> => {
    try {
      const next = await list.stretches.next();
      if (next.done === true) {
        list.counted = true;
        return;
      }
      for (const { chunkIndex } of chunksOf(trace, list.window.stream, next.value)) {
        if (chunkIndex <= list.lastChunk) continue;
        list.waiting.push(chunkIndex);
        list.lastChunk = chunkIndex;
      }
    } catch (error) {
      lists.delete(keyOf(list.window)); // a generator that has thrown would look as if it were at its end
      throw error;
    }
  };

  return {
    async part(window, offset, count, signal) {
      if (window.addresses === undefined) return wholePart(trace, window, offset, count);
      const list = listOf(window);
      // What is counted already does not wait for who counts on.
      if (list.total < offset + count) {
        const mine = list.turn.then(async () => countTo(list, offset + count, signal));
        list.turn = mine.catch(() => undefined);
        await mine;
      }
      const ordinals: number[] = [];
      const ahead: number[] = [];
      for (const { chunkIndex, before, count: inChunk } of list.chunks) {
        if (before + inChunk <= offset) continue;
        const { firstOrdinal } = trace.chunks[chunkIndex];
        const found = await placesIn(list, chunkIndex, signal);
        const begin = Math.max(0, offset - before);
        const end = Math.min(inChunk, offset + count - before);
        for (const place of found.subarray(begin, end)) ordinals.push(firstOrdinal + place);
        if (before + inChunk < offset + count) continue;
        for (const place of found.subarray(end, end + AHEAD)) ahead.push(firstOrdinal + place);
        break;
      }
      return { ordinals, ahead, total: list.total, counted: list.counted };
    },
  };
}

function keyOf({ stream, from, to, addresses }: TraceWindow): string {
  return [stream, from, to, addresses?.space, addresses?.low, addresses?.high].join(' ');
}

async function findPlaces(
  chunks: ChunkCache,
  { from, to, addresses }: TraceWindow,
  chunkIndex: number,
  signal: AbortSignal,
): Promise<Uint32Array> {
  if (addresses === undefined) throw new Error('internal: a list of all accesses needs no places');
  const columns = await matchColumns(chunks, chunkIndex, addresses.space, signal);
  const { begin, end } = within(columns, { from, to });
  return allMatches(matcherFor(columns, addresses), begin, end);
}

/** Elements of the chunk that are in the stretch. */
export function within(
  { firstOrdinal, length }: ChunkColumns,
  { from, to }: OrdinalRange,
): { readonly begin: number; readonly end: number } {
  const begin = Math.min(length, Math.max(0, from - firstOrdinal));
  return { begin, end: Math.max(begin, Math.min(length, to - firstOrdinal)) };
}

/** Row n of a list of everything is the access of ordinal from + n. */
function wholePart(
  trace: Trace,
  { stream, from, to }: TraceWindow,
  offset: number,
  count: number,
): ListPart {
  const end = Math.min(to, endOfStream(trace, stream));
  const total = Math.max(0, end - from);
  const first = Math.min(end, from + offset);
  const last = Math.min(end, first + count);
  const run = (begin: number, behind: number): number[] =>
    Array.from({ length: Math.max(0, behind - begin) }, (_, i) => begin + i);
  return {
    ordinals: run(first, last),
    ahead: run(last, Math.min(end, last + AHEAD)),
    total,
    counted: true,
  };
}
