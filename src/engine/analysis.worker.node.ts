// SPDX-License-Identifier: Apache-2.0
// A thread of a pass: see run-workers.node.ts. Orders are carried out one after the other.

import { parentPort, workerData } from 'node:worker_threads';
import { type AccessColumns, findAnalysis, sharedMemory } from '../analysis/index.ts';
import { requireDefined, TraceError } from '../base/index.ts';
import { openTrace } from '../format/index.ts';
import { createChunkFeed } from './chunk-feed.ts';
import { loadAnalysis } from './load-analysis.node.ts';
import { type AnyAnalysis, shapeOfTrace } from './pass.ts';
import type { WorkerOrder, WorkerReport, WorkerRequest, WorkerTask } from './protocol.ts';
import { createShardSplitter, type ShardSplitter } from './shard-split.ts';

const port = requireDefined(parentPort ?? undefined, 'this file is only run as a worker');

interface Running {
  readonly analysis: AnyAnalysis;
  /** Undefined: an ordered analysis of which this worker has no shard. */
  readonly state: { readonly held: unknown } | undefined;
  /** Of an ordered analysis. */
  readonly split: ShardSplitter | undefined;
}

async function work(): Promise<void> {
  const task = requireTask(workerData);
  const trace = await openTrace(task.path);
  const shape = shapeOfTrace(trace);
  const memory = sharedMemory();
  /** Slabs of the chunks that this thread parted and that others may still read. */
  const lent = new Map<number, readonly SharedArrayBuffer[]>();
  const running: Running[] = [];
  for (const request of task.requests) {
    const analysis = await requireAnalysis(request);
    const { parameters, shard, shardCount } = request;
    const index = analysis.order === 'any' ? 0 : shard;
    const count = Math.max(1, shardCount);
    running.push({
      analysis,
      state:
        index === undefined
          ? undefined
          : { held: analysis.init(parameters, shape, { index, count }) },
      split:
        analysis.order === 'any'
          ? undefined
          : createShardSplitter(analysis, parameters, count, memory),
    });
  }
  const analyses = running.map(({ analysis }) => analysis);
  const feed = createChunkFeed(trace, shape, task.selection, task.slices, analyses);
  for (;;) {
    const order = await nextOrder();
    if (order.type === 'decode') {
      const shards = running.map(({ split }): AccessColumns[][] | undefined =>
        split === undefined ? undefined : [],
      );
      for await (const stretch of feed.stretches(order.chunkIndex)) {
        running.forEach(({ analysis, state, split }, i) => {
          if (split === undefined) {
            if (state !== undefined) analysis.consume(state.held, stretch(analysis));
            return;
          }
          split(stretch(analysis)).forEach((part, shard) => {
            const parts = requireDefined(shards[i], 'made above');
            (parts[shard] ??= []).push(part);
          });
        });
      }
      lent.set(order.chunkIndex, memory.takeUsed());
      report({ type: 'decoded', chunkIndex: order.chunkIndex, shards });
    } else if (order.type === 'consume') {
      running.forEach(({ analysis, state }, i) => {
        if (state === undefined) return;
        for (const stretch of order.stretches[i] ?? []) analysis.consume(state.held, stretch);
      });
      report({ type: 'consumed' });
    } else if (order.type === 'release') {
      memory.giveBack(lent.get(order.chunkIndex) ?? []);
      lent.delete(order.chunkIndex);
    } else {
      const states = running.map(({ analysis, state }) =>
        state === undefined ? undefined : (analysis.harvest?.(state.held) ?? state.held),
      );
      report({ type: 'finished', states, selected: feed.selected });
      break;
    }
  }
  await trace.close();
  port.close();
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

function report(message: WorkerReport): void {
  port.postMessage(message, []);
}

try {
  await work();
} catch (error) {
  if (!(error instanceof TraceError)) throw error;
  const { cause, ...facts } = error.facts;
  const why = cause instanceof Error ? ` (${cause.message})` : '';
  report({ type: 'failure', kind: error.kind, message: `${error.message}${why}`, facts });
}
