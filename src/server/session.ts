// SPDX-License-Identifier: Apache-2.0
// What a running viewer holds: the open trace, its names, its index as far as there is one, and what was decoded last.

import type { TraceShape } from '../analysis/index.ts';
import { formatQuantity, TraceError, UserError } from '../base/index.ts';
import { shapeOfTrace } from '../engine/index.ts';
import type { Trace } from '../format/index.ts';
import { type CodeNames, codeNames } from '../query/index.ts';
import type { GuestSymbols } from '../symbols/index.ts';
import {
  buildViewIndex,
  type ChunkCache,
  createChunkCache,
  type DamagedStretch,
  isDamage,
  openViewIndex,
  tidyViewIndex,
  type ViewIndex,
} from '../tiles/index.ts';
import { type AccessLists, createAccessLists } from './access-list.ts';
import { type AccessReader, createAccessReader } from './access-rows.ts';
import { type CodePlaces, createCodePlaces } from './code-places.ts';
import { type FileWatch, watchFile } from './fingerprint.ts';
import { createGuestFacts, type GuestFacts } from './guest-facts.ts';
import { createJobQueue, type JobQueue } from './job-queue.ts';
import type { TraceReply } from './protocol.ts';
import { Refusal } from './refusal.ts';
import { createSearchMarks, type SearchMarks } from './search-marks.ts';

export interface SessionOptions {
  readonly trace: Trace;
  readonly symbols: GuestSymbols;
  /** As they were named on the command line. */
  readonly symbolFiles: readonly string[];
  readonly indexFile: string;
  /** Threads that build the index and run analyses. */
  readonly workers: number;
  /** Told when the index has come further, and when it is there or never will be. */
  readonly onIndex: (state: IndexState) => void;
  /** Told of what is thrown behind the page that nobody waits for. */
  readonly onBug: (error: unknown) => void;
}

export type IndexState = TraceReply['index'];

export interface IndexHolder {
  readonly state: IndexState;
  /** Undefined while there is none. */
  readonly find: () => ViewIndex | undefined;
  /** Throws Refusal: 'busy' while it is built, 'internal' when it cannot be. */
  require(): ViewIndex;
}

export interface Session {
  readonly trace: Trace;
  readonly shape: TraceShape;
  readonly symbols: GuestSymbols;
  /** As they were named on the command line. */
  readonly symbolFiles: readonly string[];
  readonly names: CodeNames;
  readonly codePlaces: CodePlaces;
  readonly searchMarks: SearchMarks;
  readonly watch: FileWatch;
  readonly chunks: ChunkCache;
  readonly accesses: AccessReader;
  readonly lists: AccessLists;
  readonly index: IndexHolder;
  readonly guestFacts: GuestFacts;
  readonly jobs: JobQueue;
  readonly workers: number;
  /** When the index is there or failed, and what is read of the guest behind it. */
  readonly settled: Promise<void>;
  /** Ends what goes on behind the page; the trace stays the caller's to close. */
  close(): Promise<void>;
}

/** Opens the index, or begins to build it; does not wait for it. Throws what the file system says. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { trace, symbols, symbolFiles, workers } = options;
  const closing = new AbortController();
  const watch = await watchFile(trace.path);
  const chunks = createChunkCache(trace, { workers: 1 });
  const { facts: guestFacts, read: readGuestFacts } = createGuestFacts(trace, symbols);
  const index = createIndexHolder(options, chunks, closing.signal);
  const settle = async (): Promise<void> => {
    await index.made;
    try {
      if (!closing.signal.aborted) await readGuestFacts(closing.signal);
    } catch (error) {
      // What is damaged is told of where it is looked at.
      if (!(error instanceof TraceError) && !closing.signal.aborted) options.onBug(error);
    }
  };
  const settled = settle();
  return {
    ...{ trace, symbols, symbolFiles, watch, chunks, index, guestFacts, workers, settled },
    shape: shapeOfTrace(trace),
    names: codeNames(trace.code, symbols),
    codePlaces: createCodePlaces(trace.code),
    searchMarks: createSearchMarks(),
    accesses: createAccessReader(trace),
    lists: createAccessLists(trace, chunks, index.find),
    jobs: createJobQueue(),
    async close() {
      closing.abort();
      await settled;
      await index.find()?.close();
      await chunks.close();
    },
  };
}

function createIndexHolder(
  { trace, indexFile, workers, onIndex, onBug }: SessionOptions,
  chunks: ChunkCache,
  signal: AbortSignal,
): IndexHolder & { readonly made: Promise<void> } {
  let state: IndexState = { state: 'building', part: 0, message: null };
  let index: ViewIndex | undefined;
  const enter = (next: IndexState): void => {
    state = next;
    onIndex(next);
  };
  const open = async (): Promise<ViewIndex | undefined> => {
    try {
      return await openViewIndex(indexFile, trace, chunks);
    } catch (error) {
      // It can be made again.
      if (isDamage(error)) return undefined;
      throw error;
    }
  };
  /** It was made of what was damaged then, and is not now: the file was repaired, or copied anew. */
  const isOutlived = async ({ damaged }: ViewIndex): Promise<boolean> => {
    const [first] = damaged;
    if (first === undefined) return false;
    try {
      await chunks.columns(first.chunkIndex, ['flags'], signal);
      return true;
    } catch {
      return false;
    }
  };
  const make = async (): Promise<void> => {
    index = await open();
    if (index !== undefined && (await isOutlived(index))) {
      await index.close();
      index = undefined;
    }
    if (index !== undefined) await tidyViewIndex(indexFile);
    else {
      await buildViewIndex(trace, indexFile, {
        ...{ signal, workers },
        onWait: ({ pid, part }) => {
          const who = pid === undefined ? 'another process' : `process ${pid}`;
          enter({ state: 'building', part, message: `${who} is building it; it is waited for` });
        },
        onProgress: (part) => {
          enter({ state: 'building', part, message: null });
        },
      });
      index = await openViewIndex(indexFile, trace, chunks);
    }
    if (index === undefined)
      throw new Error(`internal: no index in ${indexFile} after it was made`);
    enter({ state: 'ready', part: 1, message: describeDamaged(index.damaged) });
  };
  const made = make().catch((error: unknown) => {
    if (signal.aborted) return;
    const isExpected = error instanceof TraceError || error instanceof UserError;
    if (!isExpected) onBug(error);
    const message = error instanceof TraceError ? error.describe() : String(error);
    enter({ state: 'failed', part: state.part, message });
  });
  return {
    made,
    get state() {
      return state;
    },
    find: () => index,
    require() {
      if (index !== undefined) return index;
      if (state.state === 'building') {
        throw new Refusal('busy', 'the index is being built', state.part);
      }
      throw new Refusal(
        'internal',
        `there is no index: ${state.message ?? 'it could not be built'}`,
      );
    },
  };
}

function describeDamaged(damaged: readonly DamagedStretch[]): string | null {
  const [first] = damaged;
  if (first === undefined) return null;
  const accesses = damaged.reduce((sum, { from, to }) => sum + to - from, 0);
  const what = formatQuantity(accesses, 'access', 'accesses');
  const parts = formatQuantity(damaged.length, 'damaged part');
  return `${what} in ${parts} of the trace cannot be read, and what they were is not known: ${first.why}`;
}
