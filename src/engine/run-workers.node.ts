// SPDX-License-Identifier: Apache-2.0
// A pass in several threads. Each chunk is decoded once. Analyses that take them in any order have a state in every
// thread; when all do, threads take chunks as they become free, and the process's own is one of them. Otherwise chunks
// are dealt out. What can be digested is, by the thread that decodes a chunk;
// this one absorbs the digests in the order of the trace. Of other ordered analyses each thread has a shard at most:
// the thread that decodes a chunk parts it by shard into shared memory, and every thread consumes its
// shards of all chunks in order. Threads run ahead of what has to be in order by a bounded number of bytes.

import type { TraceShape } from '../analysis/index.ts';
import { requireDefined } from '../base/index.ts';
import { type ChunkInfo, nextReport, type Trace } from '../format/index.ts';
import type { WorkerOptions } from './analyse.ts';
import { createLookAhead, LOOK_AHEAD_BYTES } from './look-ahead.ts';
import { useOwnThread } from './own-thread.node.ts';
import { type PartedChunk, partedBytes } from './parted-bytes.ts';
import {
  type AnyRequest,
  addSelected,
  NOTHING_SELECTED,
  type PassOutcome,
  type PassPlan,
} from './pass.ts';
import { createPassMember } from './pass-member.node.ts';
import type { ShardStretches, SharedPlan, WorkShare } from './protocol.ts';
import { takeOrder } from './take-order.ts';
import { type PassThread, takeThread } from './threads.node.ts';

/** Orders to decode that a thread has at a time: one it works on, one that waits. */
const DECODE_ORDERS = 2;
const SHARD_LIMIT = 8;

export async function runInWorkers(
  trace: Trace,
  shape: TraceShape,
  plan: PassPlan,
  options: WorkerOptions,
): Promise<PassOutcome> {
  const { workers, workerUrl, keepsFree = false, onProgress, signal } = options;
  const { lookAheadBytes = LOOK_AHEAD_BYTES } = options;
  const threadCount = Math.max(1, Math.min(workers, plan.chunks.length));
  const work = plan.requests.map((request) => shareWork(request, shape, threadCount));
  const isFree = work.every(({ shards, state }) => shards === 0 && state === undefined);
  const { vcpuCount, insnBase, blockCpl } = shape;
  const common = { trace: trace.share(), shape: { vcpuCount, insnBase, blockCpl } };
  const chunkOf = (index: number): ChunkInfo =>
    requireDefined(trace.chunks[index], 'the plan is of this trace');
  const chunks = isFree ? takeOrder(plan.chunks, threadCount, chunkOf) : plan.chunks;
  const threads = Array.from({ length: threadCount }, (_, thread): PassThread => {
    const shared = sharePlan({ ...plan, chunks }, work, thread);
    if (thread === 0 && isFree && !keepsFree) {
      const analyses = plan.requests.map(({ analysis }) => analysis);
      return useOwnThread(createPassMember(trace, shape, shared, analyses));
    }
    return takeThread(workerUrl, { ...common, plan: shared });
  });
  try {
    if (isFree) {
      await watch(threads, plan.chunks.length, onProgress, signal);
    } else {
      const waitingBytes = plan.chunks.map((index) => waitingBytesOf(work, chunkOf(index)));
      await conduct(threads, { plan, work, waitingBytes, lookAheadBytes, onProgress, signal });
    }
    return await collect(threads, plan, work, signal);
  } finally {
    await Promise.all(threads.map((thread) => thread.stop()));
  }
}

/** What the thread of this number is told of the plan. */
function sharePlan(
  { selection, slices, chunks, notesOnly }: PassPlan,
  work: readonly SharedWork[],
  thread: number,
): SharedPlan {
  const requests = work.map(({ request: { analysis, parameters, moduleUrl }, shards, state }) => {
    const index = thread < shards ? thread : undefined;
    let share: WorkShare = { by: 'chunks' };
    if (state !== undefined) share = { by: 'digests' };
    else if (shards > 0) share = { by: 'shards', count: shards, index };
    return { name: analysis.name, moduleUrl, parameters, share };
  });
  return { selection, slices, chunks, notesOnly, requests };
}

/** A request, and how its work is shared. */
interface SharedWork {
  readonly request: AnyRequest;
  /** 0: it is not sharded. */
  readonly shards: number;
  /** What absorbs its digests; undefined: it is not digested. */
  readonly state: { readonly held: unknown } | undefined;
}

function shareWork(request: AnyRequest, shape: TraceShape, threadCount: number): SharedWork {
  const { analysis, parameters } = request;
  if (analysis.order === 'any') return { request, shards: 0, state: undefined };
  if (threadCount > 1 && analysis.digesting?.isPossible(parameters, shape) === true) {
    const held = analysis.init(parameters, shape, { index: 0, count: 1 });
    return { request, shards: 0, state: { held } };
  }
  const limit = Math.min(
    SHARD_LIMIT,
    threadCount,
    analysis.shardLimit(parameters, shape, threadCount),
  );
  return { request, shards: 2 ** Math.floor(Math.log2(Math.max(1, limit))), state: undefined };
}

/** What a chunk comes to while it waits for the ones before it; of digests a guess, until they are there. */
function waitingBytesOf(work: readonly SharedWork[], chunk: PartedChunk): number {
  return work.reduce((sum, { request: { analysis }, shards, state }) => {
    if (state !== undefined) return sum + DIGEST_BYTES * chunk.accessCount;
    return shards > 0 ? sum + partedBytes(analysis, shards, chunk) : sum;
  }, 0);
}

const DIGEST_BYTES = 4;

/** Threads take chunks themselves, as each becomes free: nothing has to be in order. */
async function watch(
  threads: readonly PassThread[],
  chunkCount: number,
  onProgress: ((part: number) => void) | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const taken = new Int32Array(new SharedArrayBuffer(4));
  for (const thread of threads) thread.order({ type: 'take', taken });
  for (let done = 0; done < chunkCount; ) {
    const { report } = await nextReport(threads, signal);
    if (report.type !== 'taken') continue;
    done++;
    onProgress?.(done / chunkCount);
  }
}

interface Conducted {
  readonly plan: PassPlan;
  readonly work: readonly SharedWork[];
  /** By place of the chunk. */
  readonly waitingBytes: readonly number[];
  readonly lookAheadBytes: number;
  readonly onProgress: ((part: number) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Deals out the chunks, absorbs digests and passes on what is parted. */
async function conduct(
  threads: readonly PassThread[],
  { plan: { chunks }, work, waitingBytes, lookAheadBytes, onProgress, signal }: Conducted,
): Promise<void> {
  const isSharded = work.some(({ shards }) => shards > 0);
  const places = new Map(chunks.map((chunkIndex, place) => [chunkIndex, place]));
  const lookAhead = createLookAhead(lookAheadBytes);
  /** By place, decoded chunks that wait for the ones before them. */
  const waiting = new Map<number, WaitingChunk>();
  /** By place: the thread that decodes the chunk. */
  const decodedBy: number[] = [];
  const decoding = threads.map(() => 0);
  /** Chunks whose shards each thread has consumed. */
  const consumedBy = threads.map(() => 0);
  let nextDecode = 0;
  /** Chunks of which digests are absorbed and shards passed on; and those that nothing waits for any more. */
  let ordered = 0;
  let done = 0;

  const dealOut = (): void => {
    for (let spare = 0; spare < DECODE_ORDERS; spare++) {
      for (const [at, thread] of threads.entries()) {
        const chunkIndex = chunks[nextDecode];
        const bytes = waitingBytes[nextDecode] ?? 0;
        if (chunkIndex === undefined) return;
        if (!lookAhead.hasRoom(bytes)) return;
        if ((decoding[at] ?? 0) > spare) continue;
        decoding[at] = (decoding[at] ?? 0) + 1;
        lookAhead.hold(nextDecode, bytes);
        decodedBy[nextDecode] = at;
        nextDecode++;
        thread.order({ type: 'decode', chunkIndex });
      }
    }
  };
  const takeInOrder = (): void => {
    for (let ready = waiting.get(ordered); ready !== undefined; ready = waiting.get(ordered)) {
      waiting.delete(ordered);
      for (const [i, { request, state }] of work.entries()) {
        if (state === undefined || request.analysis.order === 'any') continue;
        request.analysis.digesting?.absorb(state.held, ready.digests[i]);
      }
      if (isSharded) {
        for (const [at, thread] of threads.entries()) {
          thread.order({ type: 'consume', stretches: ready.stretches[at] ?? [] });
        }
      }
      ordered++;
    }
  };
  const finishChunks = (): void => {
    const finished = isSharded ? Math.min(...consumedBy) : ordered;
    for (; done < finished; done++) {
      lookAhead.release(done);
      if (!isSharded) continue;
      const chunkIndex = requireDefined(chunks[done], 'it was consumed');
      threads[decodedBy[done] ?? 0]?.order({ type: 'release', chunkIndex });
    }
  };

  dealOut();
  while (done < chunks.length) {
    const { thread, report } = await nextReport(threads, signal);
    if (report.type === 'decoded') {
      decoding[thread] = (decoding[thread] ?? 0) - 1;
      // The thread has its next order while this one absorbs.
      const place = requireDefined(places.get(report.chunkIndex), 'it was dealt out');
      if (!isSharded) lookAhead.hold(place, report.digestBytes);
      dealOut();
      const { digests, shards } = report;
      const stretches = threads.map((_, shard) => shards.map((byShard) => byShard?.[shard]));
      waiting.set(place, { digests, stretches });
      takeInOrder();
    } else if (report.type === 'consumed') {
      consumedBy[thread] = (consumedBy[thread] ?? 0) + 1;
    }
    finishChunks();
    onProgress?.(done / chunks.length);
    dealOut();
  }
}

interface WaitingChunk {
  readonly digests: readonly unknown[];
  /** By thread. */
  readonly stretches: readonly ShardStretches[];
}

async function collect(
  threads: readonly PassThread[],
  plan: PassPlan,
  work: readonly SharedWork[],
  signal: AbortSignal | undefined,
): Promise<PassOutcome> {
  const states = work.map(({ request: { analysis }, state }) =>
    state === undefined ? undefined : (analysis.harvest?.(state.held, true) ?? state.held),
  );
  let selected = NOTHING_SELECTED;
  // One after the other: no more than two states of an analysis are here at a time.
  for (const thread of threads) {
    thread.order({ type: 'finish' });
    const { report } = await nextReport([thread], signal);
    if (report.type !== 'finished') throw new Error('internal: a thread did not finish');
    selected = addSelected(selected, report.selected);
    plan.requests.forEach(({ analysis }, i) => {
      const state = report.states[i];
      if (state === undefined) return;
      states[i] = states[i] === undefined ? state : analysis.merge(states[i], state);
    });
  }
  return { states, selected };
}
