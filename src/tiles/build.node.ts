// SPDX-License-Identifier: Apache-2.0
// Builds an index: chunks are dealt out to threads, what they count is put into the unfinished file as it comes,
// and in the end the threads make the levels of a space each, and one of them the index.

import { Buffer } from 'node:buffer';
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
  partFileOf,
} from './build-protocol.ts';
import { type Builder, takeBuildTurn } from './build-turn.node.ts';
import { type DamagedChunk, isDamage } from './damage.ts';
import { MAX_ORDINALS } from './description.ts';
import { fingerprintOf } from './fingerprint.node.ts';
import type { FinishedSpace } from './finish-space.node.ts';
import { openIndexFile } from './index-file.node.ts';
import { removeWorkingFiles } from './left-overs.node.ts';
import { openPartFile, type PartFile } from './part-file.node.ts';
import { spacesOf } from './spaces.ts';
import type { Space } from './view-index.ts';

export interface BuildOptions {
  readonly signal?: AbortSignal;
  /** Part that is done, 0 to 1. */
  readonly onProgress?: (part: number) => void;
  /** Another process builds the same file, and is waited for. */
  readonly onWait?: (builder: Builder) => void;
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
 * was, from the file beside it; what another process has built meanwhile is left as it is. Chunks that are damaged are
 * left out, and the index says so. Throws what else reading the trace throws, TraceError 'io', and the reason of an aborted
 * signal.
 */
export async function buildViewIndex(
  trace: Trace,
  indexFile: string,
  options: BuildOptions = {},
): Promise<void> {
  const { signal, onWait } = options;
  requireDense(trace);
  let hasWaited = false;
  const turn = await takeBuildTurn(indexFile, signal, (builder) => {
    hasWaited = true;
    onWait?.(builder);
  });
  try {
    if (hasWaited && (await isIndexOf(indexFile, trace))) return;
    await buildInTurn(trace, indexFile, {
      ...options,
      onProgress: (part) => {
        turn.setPart(part);
        options.onProgress?.(part);
      },
    });
  } finally {
    await turn.end();
  }
}

async function isIndexOf(indexFile: string, trace: Trace): Promise<boolean> {
  const file = await openIndexFile(indexFile);
  if (file === undefined) return false;
  await file.close();
  return file.description.fingerprint === Buffer.from(fingerprintOf(trace)).toString('hex');
}

async function buildInTurn(
  trace: Trace,
  indexFile: string,
  { signal, onProgress, workers = 2, workerUrl = WORKER_URL }: BuildOptions,
): Promise<void> {
  const partFile = partFileOf(indexFile);
  const spaces = spacesOf(trace.capabilities);
  await removeWorkingFiles(indexFile);
  const part = await openPartFile(partFile, fingerprintOf(trace), trace.chunks.length);
  const threads: BuildThread[] = [];
  try {
    const missing = trace.chunks.filter(({ chunkIndex }) => !part.chunks.has(chunkIndex));
    const count = Math.max(1, Math.min(workers, missing.length));
    const task: BuildWorkerTask = { tracePath: trace.path, indexFile };
    while (threads.length < count) threads.push(startThread(workerUrl, 'a counting thread', task));
    const damaged = await countChunks(threads, part, trace, missing, signal, onProgress);
    await finish(threads, spaces, damaged, signal, onProgress);
  } catch (error) {
    // One that contradicts itself is of no use. On a full disk what was counted so far is.
    if (isDamage(error) && error.facts.file === partFile) await rm(partFile);
    throw error;
  } finally {
    await Promise.all(threads.map(async (thread) => thread.stop()));
    await part.close();
    await removeWorkingFiles(indexFile);
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
): Promise<readonly DamagedChunk[]> {
  const damaged: DamagedChunk[] = [];
  const total = trace.chunks.length;
  const waiting = missing.map(({ chunkIndex }) => chunkIndex);
  let counted = total - missing.length;
  for (let order = 0; order < ORDERS; order++) {
    for (const thread of threads) orderNext(thread, waiting);
  }
  while (counted < total) {
    const { thread, report } = await nextReport(threads, signal);
    orderNext(requireDefined(threads[thread], 'it has reported'), waiting);
    if (report.type === 'damaged') damaged.push(report.chunk);
    else if (report.type === 'counted') await part.append(report.chunkIndex, report.packed);
    else throw new Error('internal: a thread reports what it was not asked');
    counted++;
    onProgress?.((counted / total) * COUNTING_SHARE);
  }
  return damaged.sort((a, b) => a.chunkIndex - b.chunkIndex);
}

function orderNext(thread: BuildThread, waiting: number[]): void {
  const chunkIndex = waiting.shift();
  if (chunkIndex !== undefined) thread.order({ type: 'count', chunkIndex });
}

async function finish(
  threads: readonly BuildThread[],
  spaces: readonly Space[],
  damaged: readonly DamagedChunk[],
  signal: AbortSignal | undefined,
  onProgress: ((part: number) => void) | undefined,
): Promise<void> {
  spaces.forEach((space, i) => {
    threads[i % threads.length]?.order({ type: 'finish-space', space, damaged });
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
  const all = spaces.flatMap((space) => finished.get(space) ?? []);
  first.order({ type: 'finish', spaces: all, damaged });
  await nextReport([first], signal);
  onProgress?.(1);
}
