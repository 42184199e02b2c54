// SPDX-License-Identifier: Apache-2.0
// A thread of a pass: see run-workers.node.ts. Orders are carried out one after the other.

import { deserialize, serialize } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import {
  type AccessColumns,
  findAnalysis,
  type PlacedNote,
  type SharedMemory,
  sharedMemory,
  type TraceShape,
} from '../analysis/index.ts';
import { failureOf, requireDefined, type TraceFailure } from '../base/index.ts';
import { openTrace } from '../format/index.ts';
import { createChunkFeed } from './chunk-feed.ts';
import { loadAnalysis } from './load-analysis.node.ts';
import { type AnyAnalysis, shapeOfTrace } from './pass.ts';
import type {
  PartedStretch,
  WorkerOrder,
  WorkerReport,
  WorkerRequest,
  WorkerTask,
} from './protocol.ts';
import { buffersOf } from './sent-buffers.ts';
import { createShardSplitter } from './shard-split.ts';

const port = requireDefined(parentPort ?? undefined, 'this file is only run as a worker');

/** What this thread does for an analysis, and what comes of it. */
interface Part {
  consume(columns: AccessColumns): void;
  /** What was parted of the chunk, by shard. */
  takeShards?(): PartedStretch[][];
  /** What the chunk came to. */
  takeDigest?(): unknown;
  consumeShard?(stretch: PartedStretch): void;
  /** Undefined when this thread has no state of it. */
  finish(): unknown;
}

async function work(): Promise<void> {
  const task = requireTask(workerData);
  const trace = await openTrace(task.path);
  const shape = shapeOfTrace(trace);
  const memory = sharedMemory();
  /** Slabs of the chunks that this thread parted and that others may still read. */
  const lent = new Map<number, readonly SharedArrayBuffer[]>();
  const analyses = await Promise.all(task.requests.map(requireAnalysis));
  const parts = task.requests.map((request, i) =>
    partOf(requireDefined(analyses[i], 'one for each request'), request, shape, memory),
  );
  const feed = createChunkFeed(trace, shape, task, analyses);
  for (;;) {
    const order = await nextOrder();
    if (order.type === 'decode') {
      const { chunkIndex } = order;
      for await (const stretch of feed.stretches(chunkIndex)) {
        parts.forEach((part, i) => {
          const columns = stretch(requireDefined(analyses[i], 'one for each request'));
          if (columns !== undefined) part.consume(columns);
        });
      }
      const shards = parts.map((part) => part.takeShards?.());
      const digests = parts.map((part) => part.takeDigest?.());
      const buffers = buffersOf(digests);
      const digestBytes = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
      lent.set(chunkIndex, memory.takeUsed());
      report({ type: 'decoded', chunkIndex, shards, digests, digestBytes }, buffers);
    } else if (order.type === 'consume') {
      parts.forEach((part, i) => {
        for (const stretch of order.stretches[i] ?? []) part.consumeShard?.(stretch);
      });
      report({ type: 'consumed' });
    } else if (order.type === 'release') {
      memory.giveBack(lent.get(order.chunkIndex) ?? []);
      lent.delete(order.chunkIndex);
    } else {
      const states = parts.map((part) => part.finish());
      report({ type: 'finished', states, selected: feed.selected }, buffersOf(states));
      break;
    }
  }
  await trace.close();
  port.close();
}

function partOf(
  analysis: AnyAnalysis,
  { parameters, share }: WorkerRequest,
  shape: TraceShape,
  memory: SharedMemory,
): Part {
  const harvested = (state: unknown): unknown => analysis.harvest?.(state) ?? state;
  if (analysis.order === 'any' || share.by === 'chunks') {
    const state = analysis.init(parameters, shape, { index: 0, count: 1 });
    return {
      consume: (columns) => {
        analysis.consume(state, columns);
      },
      finish: () => harvested(state),
    };
  }
  if (share.by === 'digests') {
    const digesting = requireDefined(analysis.digesting, 'the coordinator has looked');
    const digester = digesting.init(parameters, shape);
    return {
      consume: (columns) => {
        digesting.consume(digester, columns);
      },
      takeDigest: () => digesting.take(digester),
      finish: () => undefined,
    };
  }
  const { count, index } = share;
  const split = createShardSplitter(analysis, parameters, count, memory);
  const state =
    index === undefined ? undefined : { held: analysis.init(parameters, shape, { index, count }) };
  let parted: PartedStretch[][] = [];
  return {
    consume: (columns) => {
      split(columns).forEach((part, shard) => {
        (parted[shard] ??= []).push(packNotes(part, memory));
      });
    },
    takeShards: () => {
      const taken = parted;
      parted = [];
      return taken;
    },
    consumeShard: (stretch) => {
      if (state !== undefined) analysis.consume(state.held, unpackNotes(stretch));
    },
    finish: () => (state === undefined ? undefined : harvested(state.held)),
  };
}

function packNotes(columns: AccessColumns, memory: SharedMemory): PartedStretch {
  const { notes } = columns;
  if (notes === undefined || notes.length === 0) return { columns, packedNotes: undefined };
  const packed = serialize(notes);
  const packedNotes = memory.bytes('notes', packed.length);
  packedNotes.set(packed);
  return { columns: { ...columns, notes: undefined }, packedNotes };
}

function unpackNotes({ columns, packedNotes }: PartedStretch): AccessColumns {
  if (packedNotes === undefined) return columns;
  const notes: unknown = deserialize(packedNotes.slice());
  if (!isNotes(notes)) throw new Error('internal: notes were packed that are none');
  return { ...columns, notes };
}

function isNotes(value: unknown): value is readonly PlacedNote[] {
  return Array.isArray(value);
}

const orders: WorkerOrder[] = [];
let wake: (() => void) | undefined;

port.on('message', (order: WorkerOrder) => {
  orders.push(order);
  wake?.();
});

async function nextOrder(): Promise<WorkerOrder> {
  for (;;) {
    const order = orders.shift();
    if (order !== undefined) return order;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

async function requireAnalysis({ name, moduleUrl }: WorkerRequest): Promise<AnyAnalysis> {
  if (moduleUrl !== undefined) return loadAnalysis(moduleUrl);
  return requireDefined(findAnalysis(name), `the registry has the analysis "${name}"`);
}

function requireTask(value: unknown): WorkerTask {
  if (!isTask(value)) throw new Error('internal: an analysing thread was started without its task');
  return value;
}

function isTask(value: unknown): value is WorkerTask {
  return typeof value === 'object' && value !== null && 'requests' in value;
}

function report(message: WorkerReport | TraceFailure, buffers: ArrayBuffer[] = []): void {
  port.postMessage(message, buffers);
}

try {
  await work();
} catch (error) {
  report(failureOf(error));
}
