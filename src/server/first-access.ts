// SPDX-License-Identifier: Apache-2.0
// The first access of a kind: searched for as long as there is time, and on from there when it is asked again.

import type { ChunkInfo, ColumnName } from '../format/index.ts';
import { type ChunkColumns, endOfStream, isDamage } from '../tiles/index.ts';
import { findNearest } from './neighbours.ts';
import type { AddressRange } from './parameters.ts';
import { MARK_BYTES, type SearchMarks } from './search-marks.ts';
import type { Session } from './session.ts';

export interface SearchedAccesses extends Pick<Session, 'trace' | 'chunks'> {
  readonly searchMarks: SearchMarks;
  readonly index: Pick<Session['index'], 'find'>;
}

/** A question on its way. */
export interface Search {
  readonly stream: number;
  readonly signal: AbortSignal;
  readonly endMs: number;
  /** False: the time was over, or something damaged was passed over. */
  complete: boolean;
  /** Of each thing that is looked for, how much of the stream was looked at, 0 to 1; 1 when it was found. */
  readonly parts: number[];
}

/** One of the things that are looked for: where its search goes on, and what is said of how it ends. */
interface Leg {
  /** Nothing was found before it. */
  readonly from: number;
  /** It was found, or everything was looked at. */
  end(): void;
  /** The time is over; nothing was found before the ordinal. `isDamaged`: as far as that could be read. */
  stop(ordinal: number, isDamaged: boolean): void;
}

function takeUp({ trace, searchMarks }: SearchedAccesses, search: Search, what: string): Leg {
  const { stream } = search;
  const key = `${stream} ${what}`;
  const mark = searchMarks.find(key);
  const wasDamaged = mark?.isDamaged ?? false;
  if (wasDamaged) search.complete = false;
  return {
    from: mark?.ordinal ?? 0,
    end() {
      search.parts.push(1);
    },
    stop(ordinal, isDamaged) {
      search.complete = false;
      search.parts.push(ordinal / Math.max(1, endOfStream(trace, stream)));
      searchMarks.put(key, { ordinal, isDamaged: isDamaged || wasDamaged }, MARK_BYTES);
    },
  };
}

function isOver({ endMs }: Search): boolean {
  return performance.now() >= endMs;
}

/**
 * Ordinal of the first access that `match` gives the number of, within its chunk; -1: none of the chunk. `what` tells it from
 * other searches. Damage is passed over.
 */
export async function firstInChunks(
  session: SearchedAccesses,
  search: Search,
  what: string,
  chunks: readonly ChunkInfo[],
  names: readonly ColumnName[],
  match: (columns: ChunkColumns) => number,
): Promise<number | undefined> {
  const leg = takeUp(session, search, what);
  let isDamaged = false;
  for (const { chunkIndex, firstOrdinal, accessCount } of chunks) {
    if (firstOrdinal + accessCount <= leg.from) continue;
    if (isOver(search)) {
      leg.stop(firstOrdinal, isDamaged);
      return undefined;
    }
    const columns = await columnsOf(session, search, chunkIndex, names);
    isDamaged ||= columns === undefined;
    const at = columns === undefined ? -1 : match(columns);
    if (at < 0) continue;
    leg.end();
    return firstOrdinal + at;
  }
  leg.end();
  return undefined;
}

/** Undefined: they are damaged. */
async function columnsOf(
  { chunks }: SearchedAccesses,
  search: Search,
  chunkIndex: number,
  names: readonly ColumnName[],
): Promise<ChunkColumns | undefined> {
  try {
    return await chunks.columns(chunkIndex, names, search.signal);
  } catch (error) {
    if (!isDamage(error)) throw error;
    search.complete = false;
    return undefined;
  }
}

/** Ordinal of the first access that touches the range; null: none was found. Damage is passed over. */
export async function firstInRange(
  session: SearchedAccesses,
  search: Search,
  range: AddressRange,
): Promise<number | null> {
  const { trace, chunks, index } = session;
  const { stream, signal, endMs } = search;
  const leg = takeUp(session, search, `${range.space} ${range.low} ${range.high}`);
  const to = endOfStream(trace, stream);
  const { ordinals, complete, isDamaged, searched } = await findNearest(
    trace,
    chunks,
    index.find(),
    {
      ...{ stream, from: leg.from, to, direction: 'forward' },
      ...{ ranges: [range], passesDamage: true },
      patienceMs: endMs - performance.now(),
    },
    signal,
  );
  if (!complete) search.complete = false;
  const ordinal = ordinals[0] ?? null;
  if (ordinal === null && searched < to) leg.stop(searched, isDamaged);
  else leg.end();
  return ordinal;
}
