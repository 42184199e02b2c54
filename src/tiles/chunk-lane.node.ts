// SPDX-License-Identifier: Apache-2.0
// A decoding thread and the orders that it has not answered yet.

import { Worker } from 'node:worker_threads';
import { errorOfFailure } from '../base/index.ts';
import { THREAD_LIMITS } from '../engine/index.ts';
import type { ColumnArrays, ColumnName } from '../format/index.ts';
import type { ChunkOrder, ChunkPlaces, ChunkReport } from './chunk-protocol.ts';
import type { PageNumbers } from './page-axis.ts';
import type { Space } from './view-index.ts';

export interface ChunkLane {
  columns(chunkIndex: number, names: readonly ColumnName[]): Promise<Partial<ColumnArrays>>;
  places(chunkIndex: number, space: Space, pages: PageNumbers): Promise<ChunkPlaces>;
  /** Orders that are not answered. */
  waiting(): number;
  isBroken(): boolean;
  stop(): Promise<unknown>;
}

interface Waiting {
  resolve(report: ChunkReport): void;
  reject(error: Error): void;
}

export function startChunkLane(workerUrl: URL, tracePath: string): ChunkLane {
  const worker = new Worker(workerUrl, {
    ...{ workerData: tracePath, resourceLimits: THREAD_LIMITS },
  });
  const waiting = new Map<number, Waiting>();
  let broken: Error | undefined;
  let nextId = 0;
  worker.unref();
  worker.on('message', (report: ChunkReport) => {
    const one = waiting.get(report.id);
    waiting.delete(report.id);
    if (waiting.size === 0) worker.unref();
    if (report.type !== 'failure') one?.resolve(report);
    else one?.reject(errorOfFailure(report));
  });
  const fail = (error: Error): void => {
    broken ??= error;
    for (const one of waiting.values()) one.reject(broken);
    waiting.clear();
  };
  worker.on('error', fail);
  worker.on('exit', () => {
    fail(new Error('internal: a decoding thread ended too early'));
  });
  const ask = async (order: (id: number) => ChunkOrder): Promise<ChunkReport> => {
    if (broken !== undefined) throw broken;
    const id = nextId++;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage(order(id), []);
    });
  };
  return {
    async columns(chunkIndex, names) {
      const report = await ask((id) => ({ type: 'columns', id, chunkIndex, names }));
      if (report.type === 'columns') return report.arrays;
      throw new Error('internal: a decoding thread answered what it was not asked');
    },
    async places(chunkIndex, space, pages) {
      const report = await ask((id) => ({ type: 'places', id, chunkIndex, space, pages }));
      if (report.type === 'places') return report.places;
      throw new Error('internal: a decoding thread answered what it was not asked');
    },
    waiting: () => waiting.size,
    isBroken: () => broken !== undefined,
    stop: async () => worker.terminate(),
  };
}
