// SPDX-License-Identifier: Apache-2.0
// Builds an index: chunks are dealt out to threads, what they count is put into the unfinished file as it comes,
// and in the end the threads make the levels of a space each, and one of them the index.

import { rm } from 'node:fs/promises';
import { requireDefined, TraceError } from '../base/index.ts';
import {
  type ChunkInfo,
  nextReport,
  startThread,
  type Thread,
  type Trace,
} from '../format/index.ts';
import {
  type BuildOrder,
  type BuildReport,
  type BuildWorkerTask,
  groupsFileOf,
  partFileOf,
  workingFileOf,
} from './build-protocol.ts';
import { MAX_ORDINALS } from './description.ts';
import { fingerprintOf } from './fingerprint.node.ts';
import type { FinishedSpace } from './finish-space.node.ts';
import { openPartFile, type PartFile } from './part-file.node.ts';
import { spacesOf } from './spaces.ts';
import type { Space } from './view-index.ts';

export interface BuildOptions {
  readonly signal?: AbortSignal;
  /** Part that is done, 0 to 1. */
  readonly onProgress?: (part: number) => void;
  /** Threads; default 2. */
  readonly workers?: number;
  /** Module of the threads; default: the one that was built beside this one. */
  readonly workerUrl?: URL;
}

type BuildThread = Thread<BuildOrder, BuildReport>;

const WORKER_URL = new URL('./build.worker.node.js', import.meta.url);
/** Orders that a thread has at a time: one it works on, one that waits. */
const ORDERS = 2;
/** Of the progress; making the levels is the rest. */
const COUNTING_SHARE = 0.9;

/**
 * Makes the index of the trace, which must be a file, in indexFile. One that was interrupted goes on where it
 * was, from the file beside it. Throws what reading the trace throws, TraceError 'io', and the reason of an
 * aborted signal.
 */
export async function buildViewIndex(
  trace: Trace,
  indexFile: string,
  options: BuildOptions = {},
): Promise<void> {
  const { signal, onProgress, workers = 2, workerUrl = WORKER_URL } = options;
  requireDense(trace);
  signal?.throwIfAborted();
  const partFile = partFileOf(indexFile);
  const spaces = spacesOf(trace.capabilities);
  const part = await openPartFile(partFile, fingerprintOf(trace), trace.chunks.length);
  const threads: BuildThread[] = [];
  try {
    const missing = trace.chunks.filter(({ chunkIndex }) => !part.chunks.has(chunkIndex));
    const count = Math.max(1, Math.min(workers, missing.length));
    const task: BuildWorkerTask = { tracePath: trace.path, indexFile };
    while (threads.length < count) threads.push(startThread(workerUrl, 'a counting thread', task));
    await countChunks(threads, part, trace, missing, signal, onProgress);
    await finish(threads, spaces, signal, onProgress);
  } catch (error) {
    if (error instanceof TraceError && error.facts.file === partFile) await rm(partFile);
    throw error;
  } finally {
    await Promise.all(threads.map(async (thread) => thread.stop()));
    await part.close();
    const left = [workingFileOf(indexFile), ...spaces.map((one) => groupsFileOf(indexFile, one))];
    await Promise.all(left.map(async (file) => rm(file, { force: true })));
  }
  await rm(partFile, { force: true });
}

/** Each stream's chunks follow each other from ordinal 0. Throws TraceError 'corrupt', 'limit'. */
function requireDense(trace: Trace): void {
  const ends = new Map<number, number>();
  for (const { stream, chunkIndex, firstOrdinal, accessCount, fileOffset } of trace.chunks) {
    const end = ends.get(stream) ?? 0;
    if (firstOrdinal !== end) {
      throw new TraceError('corrupt', `chunk ${chunkIndex} does not follow the one before`, {
        ...{ file: trace.path, fileOffset },
        ...{ expected: `first ordinal ${end}`, found: String(firstOrdinal) },
      });
    }
    ends.set(stream, end + accessCount);
    if (end + accessCount > MAX_ORDINALS) {
      throw new TraceError('limit', 'the trace has more accesses than can be shown', {
        ...{ file: trace.path, expected: `at most ${MAX_ORDINALS}` },
      });
    }
  }
}

async function countChunks(
  threads: readonly BuildThread[],
  part: PartFile,
  trace: Trace,
  missing: readonly ChunkInfo[],
  signal: AbortSignal | undefined,
  onProgress: ((part: number) => void) | undefined,
): Promise<void> {
  const total = trace.chunks.length;
  const waiting = missing.map(({ chunkIndex }) => chunkIndex);
  let counted = total - missing.length;
  for (let order = 0; order < ORDERS; order++) {
    for (const thread of threads) orderNext(thread, waiting);
  }
  while (counted < total) {
    const { thread, report } = await nextReport(threads, signal);
    if (report.type !== 'counted')
      throw new Error('internal: a thread reports what it was not asked');
    orderNext(requireDefined(threads[thread], 'it has reported'), waiting);
    await part.append(report.chunkIndex, report.packed);
    counted++;
    onProgress?.((counted / total) * COUNTING_SHARE);
  }
}

function orderNext(thread: BuildThread, waiting: number[]): void {
  const chunkIndex = waiting.shift();
  if (chunkIndex !== undefined) thread.order({ type: 'count', chunkIndex });
}

async function finish(
  threads: readonly BuildThread[],
  spaces: readonly Space[],
  signal: AbortSignal | undefined,
  onProgress: ((part: number) => void) | undefined,
): Promise<void> {
  spaces.forEach((space, i) => {
    threads[i % threads.length]?.order({ type: 'finish-space', space });
  });
  const done = new Map(spaces.map((space) => [space, 0]));
  const finished = new Map<Space, FinishedSpace>();
  while (finished.size < spaces.length) {
    const { report } = await nextReport(threads, signal);
    if (report.type === 'space-finished') finished.set(report.finished.space, report.finished);
    else if (report.type === 'progress') {
      done.set(report.space, report.part);
      const sum = [...done.values()].reduce((total, part) => total + part, 0);
      onProgress?.(COUNTING_SHARE + (sum / spaces.length) * (1 - COUNTING_SHARE));
    }
  }
  const first = requireDefined(threads[0], 'there is one at least');
  first.order({ type: 'finish', spaces: spaces.flatMap((space) => finished.get(space) ?? []) });
  await nextReport([first], signal);
  onProgress?.(1);
}
