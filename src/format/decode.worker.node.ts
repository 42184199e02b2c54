// SPDX-License-Identifier: Apache-2.0
// A decoding thread: see parallel.node.ts.

import { parentPort, workerData } from 'node:worker_threads';
import { failureOf, requireDefined } from '../base/index.ts';
import { type AccessBatch, needsAddresses } from './access-batch.ts';
import { openByteSource } from './byte-source.node.ts';
import { loadChunks } from './chunk-payloads.ts';
import { takeKernel } from './kernel-pool.ts';
import type { WorkerCredit, WorkerMessage, WorkerTask } from './parallel.node.ts';
import { decodeAccesses } from './read-accesses.ts';
import { surveyTrace } from './survey.ts';

const port = requireDefined(parentPort ?? undefined, 'this file is only run as a worker');
const task = requireTask(workerData);
const credit = { bytes: task.lookAheadBytes };
let wake: (() => void) | undefined;

port.on('message', (byteCount: WorkerCredit) => {
  credit.bytes += byteCount;
  wake?.();
});

async function decodeAll(): Promise<void> {
  const source = await openByteSource(task.path);
  const survey = await surveyTrace(source);
  const kernel = takeKernel(survey.code);
  const records = task.chunkIndexes.map((index) =>
    requireDefined(survey.chunks[index], 'the reader has seen this chunk'),
  );
  for await (const { record, payload } of loadChunks(source, records, undefined)) {
    kernel.load(record, payload, needsAddresses(task.plan.columns));
    for (const batch of decodeAccesses(kernel, record, { ...task.plan, copy: true })) {
      await sendBatch(batch);
    }
    send({ type: 'chunk-end' }, []);
  }
  await source.close();
}

async function sendBatch(batch: AccessBatch): Promise<void> {
  while (credit.bytes <= 0) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  const buffers = new Set<ArrayBuffer>();
  for (const column of columnsOf(batch)) {
    if (column?.buffer instanceof ArrayBuffer) buffers.add(column.buffer);
  }
  const byteCount = [...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0);
  credit.bytes -= byteCount;
  send({ type: 'batch', batch, byteCount }, [...buffers]);
}

function columnsOf(batch: AccessBatch): readonly (ArrayBufferView | undefined)[] {
  const { vaddr, pc, paddr, icount, size, flags, vcpu, block, insn, cpl, cr3, ordinal } = batch;
  const wide = [vaddr, pc, paddr, icount, cr3, ordinal, batch.crossings?.paddr];
  return [...wide, size, flags, vcpu, block, insn, cpl, batch.crossings?.index];
}

function requireTask(value: unknown): WorkerTask {
  if (!isTask(value)) throw new Error('internal: a decoding thread was started without its task');
  return value;
}

function isTask(value: unknown): value is WorkerTask {
  return typeof value === 'object' && value !== null && 'chunkIndexes' in value;
}

function send(message: WorkerMessage, transfer: ArrayBuffer[]): void {
  port.postMessage(message, transfer);
}

try {
  await decodeAll();
} catch (error) {
  send(failureOf(error), []);
}
