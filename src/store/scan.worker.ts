// SPDX-License-Identifier: Apache-2.0
// A scanning thread: decodes its chunks, keeps the rows within bounds, sends the columns that are wanted.

import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { failureOf, TraceError } from '../base/index.ts';
import {
  type AccessBatch,
  type AccessOptions,
  type ColumnName,
  openTrace,
} from '../format/index.ts';
import { type PackedColumn, packColumn } from './pack-columns.ts';
import { BATCH_ROWS, createRowBuffers } from './row-buffers.ts';
import { neededFor, selectRows } from './row-filter.ts';
import type { ScanChunk, ScanCredit, ScanMessage, ScanTask } from './scan-protocol.ts';

const task = requireTask(workerData);
const rows = new Uint32Array(BATCH_ROWS);
const rowsWithAborted = new Uint32Array(BATCH_ROWS);
const buffers = createRowBuffers();
const credit = { rows: task.lookAheadRows };
let wake: (() => void) | undefined;

task.port.on('message', (message: ScanCredit) => {
  takeCredit(message);
  wake?.();
});

function takeCredit({ rowCount, buffers: returned }: ScanCredit): void {
  credit.rows += rowCount;
  buffers.give(returned);
}

async function scanAll(): Promise<void> {
  const trace = await openTrace(task.path);
  const needed = new Set<ColumnName>(task.columns.flatMap(({ needs }) => needs));
  for (const name of neededFor(task.bounds)) needed.add(name);
  if (task.selected !== undefined) {
    for (const name of task.selected.columns) needed.add(name);
    needed.delete('ordinal'); // nothing is left out of batches: ordinals are those of their rows
  }
  const choose = await rowChooser();
  const bounded = neededFor(task.bounds);
  const looksFirst = task.bounds.length > 0 && needed.size > bounded.length;
  let mayBeWithout = looksFirst;
  for (const chunk of task.chunks) {
    const wanted = mayBeWithout ? await wantedPart(trace, chunk, bounded) : chunk;
    const { rowCount, aborted } =
      wanted === undefined
        ? { rowCount: 0, aborted: 0 }
        : await scanChunk(trace, wanted, [...needed], choose);
    mayBeWithout = looksFirst && rowCount === 0;
    send({ type: 'chunk-end', aborted });
  }
  await trace.close();
}

/**
 * The batches from the first one with a row within the bounds to the last; undefined when there is none. Most chunks are
 * without when few accesses are wanted, and finding that out takes half as long as decoding what is wanted of them.
 * Where a chunk had rows the next one mostly has: it is not looked at first.
 */
async function wantedPart(
  trace: OpenTrace,
  chunk: ScanChunk,
  columns: readonly ColumnName[],
): Promise<ScanChunk | undefined> {
  let begin: number | undefined;
  let end = 0;
  for await (const batch of trace.accesses({ columns, ...rangeOf(chunk) })) {
    if (selectRows(batch, task.bounds, rows) === 0) continue;
    begin ??= batch.firstOrdinal;
    end = batch.endOrdinal;
  }
  return begin === undefined ? undefined : { ...chunk, firstOrdinal: begin, endOrdinal: end };
}

/** Fills `rows`; gives how many there are, and how many accesses were left out since they did not complete. */
type RowChooser = (
  batch: AccessBatch,
  chunk: ScanChunk,
) => { readonly count: number; readonly aborted: number };

async function rowChooser(): Promise<RowChooser> {
  const { selected, bounds } = task;
  if (selected === undefined) {
    return (batch) => ({ count: selectRows(batch, bounds, rows), aborted: 0 });
  }
  // Loading it takes as long as the rest of a short query, which does not need it.
  const { chooseRows } = await import('../analysis/index.ts');
  return (batch, { vcpu = selected.selection.vcpu }) => {
    const selection = { ...selected.selection, vcpu };
    const count = chooseRows(selection, selected, batch, false, rows);
    if (count === batch.length) return { count, aborted: 0 };
    const all = chooseRows(selection, selected, batch, true, rowsWithAborted);
    return { count, aborted: all - count };
  };
}

type OpenTrace = Awaited<ReturnType<typeof openTrace>>;

function rangeOf({ stream, firstOrdinal, endOrdinal }: ScanChunk): AccessOptions {
  return { stream, from: firstOrdinal, to: endOrdinal };
}

/** Returns how many rows were sent, and how many accesses were left out since they did not complete. */
async function scanChunk(
  trace: OpenTrace,
  chunk: ScanChunk,
  columns: readonly ColumnName[],
  choose: RowChooser,
): Promise<{ readonly rowCount: number; readonly aborted: number }> {
  // One column at least: an access is counted even when nothing of it is wanted.
  const asked: readonly ColumnName[] = columns.length === 0 ? ['flags'] : columns;
  const includeAborted = task.selected !== undefined;
  let rowCount = 0;
  let aborted = 0;
  for await (const batch of trace.accesses({ columns: asked, includeAborted, ...rangeOf(chunk) })) {
    const chosen = choose(batch, chunk);
    rowCount += chosen.count;
    aborted += chosen.aborted;
    if (chosen.count > 0) await sendRows(batch, chosen.count);
  }
  return { rowCount, aborted };
}

async function sendRows(batch: AccessBatch, rowCount: number): Promise<void> {
  // Decoding leaves no time for events: memory that is back would not be seen before it is waited for.
  for (let next = nextCredit(); next !== undefined; next = nextCredit()) takeCredit(next.message);
  while (credit.rows <= 0) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  credit.rows -= rowCount;
  const chosen = { batch, rows, count: rowCount };
  const columns = task.columns.map((column) =>
    packColumn(column, chosen, task.functions, buffers.take),
  );
  send({ type: 'rows', rowCount, columns }, buffersOf(columns));
}

function nextCredit(): { readonly message: ScanCredit } | undefined {
  return receiveMessageOnPort(task.port);
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
  // The reader waits for messages alone: it would not hear of an exception here.
  send(error instanceof TraceError ? failureOf(error) : { type: 'bug', error });
}
