// SPDX-License-Identifier: Apache-2.0
// A thread of the build: counts chunks, and in the end makes the index of what was counted.

import { parentPort, workerData } from 'node:worker_threads';
import { failureOf, requireDefined, type TraceFailure } from '../base/index.ts';
import { type ColumnName, openTrace, type Trace } from '../format/index.ts';
import {
  type BuildOrder,
  type BuildReport,
  type BuildWorkerTask,
  partFileOf,
  workingFileOf,
} from './build-protocol.ts';
import { createChunkCounter } from './count-chunk.ts';
import { isDamage } from './damage.ts';
import { fingerprintOf } from './fingerprint.node.ts';
import { finishIndex } from './finish.node.ts';
import { type PackedBytes } from './packed.node.ts';
import { openPartFile } from './part-file.node.ts';
import { packCounts } from './part-section.node.ts';
import { spacesOf } from './spaces.ts';

const port = requireDefined(parentPort ?? undefined, 'this file is only run as a worker');
const task = requireTask(workerData);
const opened = openTrace(task.tracePath);
// Whoever gives an order is told; until then a failure must not end the thread.
opened.catch(() => undefined);
/** One order after the other. */
let last: Promise<void> = Promise.resolve();

port.on('message', (order: BuildOrder) => {
  last = last
    .then(async () => obey(order))
    .catch((error: unknown) => {
      report(failureOf(error));
    });
});

async function obey(order: BuildOrder): Promise<void> {
  const trace = await opened;
  if (order.type === 'count') {
    const { chunkIndex } = order;
    try {
      const packed = await countChunk(trace, chunkIndex);
      report({ type: 'counted', chunkIndex, packed }, [packed.stored.buffer]);
    } catch (error) {
      if (!isDamage(error)) throw error;
      report({ type: 'damaged', chunk: { chunkIndex, why: error.describe() } });
    }
    return;
  }
  const { indexFile } = task;
  const fingerprint = fingerprintOf(trace);
  const { chunks } = trace;
  const part = await openPartFile(partFileOf(indexFile), fingerprint, chunks.length);
  try {
    await finishIndex(
      {
        ...{ chunks, part, fingerprint, indexFile, workingFile: workingFileOf(indexFile) },
        damaged: order.damaged,
        spaces: spacesOf(trace.capabilities),
      },
      (done) => {
        report({ type: 'progress', part: done });
      },
    );
  } finally {
    await part.close();
  }
  report({ type: 'finished' });
}

async function countChunk(trace: Trace, chunkIndex: number): Promise<PackedBytes> {
  const info = requireDefined(trace.chunks[chunkIndex], 'the build has seen this chunk');
  const spaces = spacesOf(trace.capabilities);
  const [virtual, physical] = [spaces.includes('virtual'), spaces.includes('physical')];
  const counter = createChunkCounter(info, { virtual, physical });
  const columns: ColumnName[] = ['flags', 'size', 'cpl', 'icount'];
  if (virtual) columns.push('vaddr');
  if (physical) columns.push('paddr');
  const notes = ['vcpu', 'cr3', 'event'] as const;
  for await (const slice of trace.slices({ columns, chunks: [chunkIndex], notes })) {
    counter.add(slice);
  }
  return packCounts(counter.finish());
}

function requireTask(value: unknown): BuildWorkerTask {
  if (!isTask(value)) throw new Error('internal: a counting thread was started without its task');
  return value;
}

function isTask(value: unknown): value is BuildWorkerTask {
  return typeof value === 'object' && value !== null && 'tracePath' in value;
}

function report(message: BuildReport | TraceFailure, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
