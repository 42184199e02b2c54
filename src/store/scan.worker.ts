// SPDX-License-Identifier: Apache-2.0
// A scanning thread: decodes its chunks, keeps the rows within bounds, sends the columns that are wanted.

import { workerData } from 'node:worker_threads';
import { chooseRows, selectionColumns } from '../analysis/index.ts';
import { TraceError } from '../base/index.ts';
import { type AccessBatch, type ColumnName, openTrace } from '../format/index.ts';
import { neededFor, selectRows } from './row-filter.ts';
import { type PackedColumn, packColumn } from './scan-columns.ts';
import type { ScanChunk, ScanCredit, ScanMessage, ScanTask } from './scan-protocol.ts';

const BATCH_ROWS = 32_768;

const task = requireTask(workerData);
const rows = new Uint32Array(BATCH_ROWS);
const credit = { rows: task.lookAheadRows };
let wake: (() => void) | undefined;

task.port.on('message', (rowCount: ScanCredit) => {
  credit.rows += rowCount;
  wake?.();
});

async function scanAll(): Promise<void> {
  const trace = await openTrace(task.path);
  const needed = new Set<ColumnName>(task.columns.flatMap(({ needs }) => needs));
  for (const name of neededFor(task.bounds)) needed.add(name);
  const { selected } = task;
  for (const name of selected === undefined ? [] : selectionColumns(selected.selection)) {
    needed.add(name);
  }
  for (const chunk of task.chunks) {
    const aborted = await scanChunk(trace, chunk, [...needed]);
    send({ type: 'chunk-end', aborted });
  }
  await trace.close();
}

async function scanChunk(
  trace: Awaited<ReturnType<typeof openTrace>>,
  { stream, firstOrdinal, endOrdinal }: ScanChunk,
  columns: readonly ColumnName[],
): Promise<number> {
  // One column at least: an access is counted even when nothing of it is wanted.
  const asked: readonly ColumnName[] = columns.length === 0 ? ['flags'] : columns;
  const { selected } = task;
  const includeAborted = selected !== undefined;
  const range = { stream, from: firstOrdinal, to: endOrdinal };
  let aborted = 0;
  for await (const batch of trace.accesses({ columns: asked, includeAborted, ...range })) {
    let count: number;
    if (selected === undefined) {
      count = selectRows(batch, task.bounds, rows);
    } else {
      const { selection } = selected;
      const all = chooseRows(selection, selected, batch, true, rows);
      count = chooseRows(selection, selected, batch, false, rows);
      aborted += all - count;
    }
    if (count > 0) await sendRows(batch, count);
  }
  return aborted;
}

async function sendRows(batch: AccessBatch, rowCount: number): Promise<void> {
  while (credit.rows <= 0) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  credit.rows -= rowCount;
  const columns = task.columns.map((column) =>
    packColumn(column, batch, rows, rowCount, task.functionOf),
  );
  send({ type: 'rows', rowCount, columns }, buffersOf(columns));
}

function buffersOf(columns: readonly PackedColumn[]): ArrayBuffer[] {
  return columns.flatMap(({ bytes, valid }) => (valid === undefined ? [bytes] : [bytes, valid]));
}

function send(message: ScanMessage, transfer: ArrayBuffer[] = []): void {
  task.port.postMessage(message, transfer);
  Atomics.add(task.arrivals, 0, 1);
  Atomics.notify(task.arrivals, 0);
}

function requireTask(value: unknown): ScanTask {
  if (!isTask(value)) throw new Error('internal: a scanning thread was started without its task');
  return value;
}

function isTask(value: unknown): value is ScanTask {
  return typeof value === 'object' && value !== null && 'arrivals' in value;
}

try {
  await scanAll();
} catch (error) {
  const failure =
    error instanceof TraceError
      ? error
      : new TraceError(
          'corrupt',
          `internal: ${error instanceof Error ? error.message : 'unknown'}`,
        );
  const { cause: _cause, ...facts } = failure.facts;
  send({ type: 'failure', kind: failure.kind, message: failure.message, facts });
}
