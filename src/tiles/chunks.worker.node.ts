// SPDX-License-Identifier: Apache-2.0
// A thread that decodes chunks for the cache: chunk-cache.node.ts.

import { parentPort, workerData } from 'node:worker_threads';
import type { UnitTable } from '../analysis/index.ts';
import { failureOf, requireDefined } from '../base/index.ts';
import { type ColumnArrays, type ColumnName, openTrace, type Trace } from '../format/index.ts';
import { createPlaceCollector, createRankTable } from './chunk-places.ts';
import type { ChunkOrder, ChunkPlaces, ChunkReport } from './chunk-protocol.ts';
import { createColumnCollector } from './column-collector.ts';
import type { PageNumbers } from './page-axis.ts';
import type { Space } from './view-index.ts';

const port = requireDefined(parentPort ?? undefined, 'this file is only run as a worker');
const opened = openTrace(requirePath(workerData));
// Whoever gives an order is told; until then a failure must not end the thread.
opened.catch(() => undefined);
const rankTables = new Map<Space, UnitTable>();
let last: Promise<void> = Promise.resolve();

port.on('message', (order: ChunkOrder) => {
  last = answerAfter(last, order);
});

async function answerAfter(before: Promise<void>, order: ChunkOrder): Promise<void> {
  await before;
  report(await obey(order).catch((error: unknown) => failure(order.id, error)));
}

async function obey(order: ChunkOrder): Promise<ChunkReport> {
  const { id, chunkIndex } = order;
  const trace = await opened;
  if (order.type === 'columns') {
    return { type: 'columns', id, arrays: await decode(trace, chunkIndex, order.names) };
  }
  return { type: 'places', id, places: await place(trace, chunkIndex, order.space, order.pages) };
}

async function decode(
  trace: Trace,
  chunkIndex: number,
  names: readonly ColumnName[],
): Promise<Partial<ColumnArrays>> {
  const { accessCount } = requireDefined(trace.chunks[chunkIndex], 'the cache has seen this chunk');
  const collector = createColumnCollector(names, accessCount);
  for await (const slice of trace.slices({ columns: names, chunks: [chunkIndex] })) {
    collector.add(slice);
  }
  return collector.finish();
}

async function place(
  trace: Trace,
  chunkIndex: number,
  space: Space,
  pages: PageNumbers,
): Promise<ChunkPlaces> {
  const { accessCount } = requireDefined(trace.chunks[chunkIndex], 'the cache has seen this chunk');
  const ranks = rankTables.get(space) ?? createRankTable(pages);
  rankTables.set(space, ranks);
  const collector = createPlaceCollector(space, ranks, pages.lo.length, accessCount);
  const columns = [space === 'virtual' ? 'vaddr' : 'paddr', 'flags', 'size'] as const;
  for await (const slice of trace.slices({ columns, chunks: [chunkIndex] })) collector.add(slice);
  return collector.finish();
}

function requirePath(value: unknown): string {
  if (typeof value !== 'string') {
    throw new Error('internal: a decoding thread was started without its trace');
  }
  return value;
}

function failure(id: number, error: unknown): ChunkReport {
  return { id, ...failureOf(error) };
}

/** Columns are given away, not shared: what two threads hold is freed only when both have looked. */
function report(message: ChunkReport): void {
  port.postMessage(message, buffersOf(message));
}

function buffersOf(message: ChunkReport): ArrayBuffer[] {
  if (message.type === 'failure') return [];
  const columns: readonly (ArrayBufferView | undefined)[] =
    message.type === 'places'
      ? Object.values(message.places)
      : [
          ...Object.values({ ...message.arrays, crossings: undefined }),
          message.arrays.crossings?.index,
          message.arrays.crossings?.paddr,
        ];
  const buffers = columns.map((column) => column?.buffer);
  return buffers.filter((buffer) => buffer instanceof ArrayBuffer);
}
