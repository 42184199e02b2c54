// SPDX-License-Identifier: Apache-2.0
// A trace as a folder of Parquet files: vcpu=N/part-NNNNN.parquet, in the order of the trace, as readers that
// prune by partition and by the statistics of row groups want it.

import { rename, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  chunkMayMatch,
  requireSelectable,
  type Selection,
  selectionColumns,
  type TraceShape,
} from '../analysis/index.ts';
import type { ChunkInfo, Trace } from '../format/index.ts';
import type { RunOptions } from './database.ts';
import { columnsOfTrace } from './duckdb.ts';
import {
  type ParquetWriter,
  type ParquetWriterRequest,
  type PartFile,
  startParquetWriter,
} from './parquet-writer.ts';
import type { ScanChunk } from './scan-protocol.ts';
import type { DatabaseNames } from './tables.ts';

export interface ParquetFolderRequest {
  readonly trace: Trace;
  readonly shape: Pick<TraceShape, 'insnBase' | 'vcpuCount'>;
  readonly selection: Selection;
  /** Of the column `function`; without any there is no such column. */
  readonly names: Pick<DatabaseNames, 'functionsOf'>;
  /** Must exist and be empty. */
  readonly folder: string;
  /** Threads that decode, and as many of DuckDB's, up to three, that write a file each. Default: all of the machine. */
  readonly threads?: number;
  readonly workerUrl?: URL;
  /** At least 2048, the default ROW_GROUP_ROWS. */
  readonly rowGroupRows?: number;
  /** Default PART_ACCESSES. */
  readonly partAccesses?: number;
}

export interface ParquetFolderCounts {
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  /** Accesses that are selected but did not complete: no rows. */
  readonly aborted: number;
}

/** Written last: the folder is whole. Hadoop's name; readers of folders pass over what begins with "_". */
const SUCCESS_FILE = '_SUCCESS';

/** Accesses, of all vCPUs, that a file is of: one has some 60 MB, which one task of a cluster takes at once. */
const PART_ACCESSES = 2 ** 25;
/** What a reader skips or reads. Smaller ones are larger in all: each has dictionaries of its own. */
const ROW_GROUP_ROWS = 2 ** 18;
/** The partition's column is in the path alone, as all writers of such folders have it. */
const PARTITION_COLUMN = 'vcpu';

/**
 * Files that are written at once, at most: each keeps one of the four threads busy that Node.js has for files, and
 * threads that decode read theirs by the others.
 */
const MOST_WRITERS = 3;
/** Of all writers together: some 64 MB at most. */
const LOOK_AHEAD_ROWS = 2 ** 20;

/**
 * Writes the selected accesses. When it throws, what is in the folder is of no use: TraceError 'missing-capability' for
 * a selection by what the trace does not tell, what reading the trace throws,
 * UserError 'environment' when it cannot be written, and the reason of an aborted signal.
 */
export async function writeParquetFolder(
  request: ParquetFolderRequest,
  { signal, onProgress }: RunOptions = {},
): Promise<ParquetFolderCounts> {
  signal?.throwIfAborted();
  requireSelectable(request.trace, request.selection);
  const { folder, threads = os.availableParallelism() } = request;
  const parts = planParts(request);
  const chunkCount = parts.reduce((sum, { chunks }) => sum + chunks.length, 0);
  const writers: ParquetWriter[] = [];
  const onRows = (): void => {
    onProgress?.(writers.reduce((sum, writer) => sum + writer.chunksDone(), 0) / chunkCount);
  };
  const stopping = new AbortController();
  const stop = (): void => {
    stopping.abort(signal?.reason);
  };
  signal?.addEventListener('abort', stop);
  try {
    for (const task of shareParts(request, parts, threads)) {
      writers.push(await startParquetWriter({ ...task, onRows }));
    }
    const rowsOf = await Promise.all(
      writers.map(async (writer) =>
        writer.write(stopping.signal).catch((error: unknown): number[] => {
          stopping.abort(error); // the others end, too
          return [];
        }),
      ),
    );
    stopping.signal.throwIfAborted();
    const rows = parts.map(
      (_part, i) => rowsOf[i % writers.length]?.[Math.floor(i / writers.length)] ?? 0,
    );
    const { files, bytes } = await numberFiles(parts, rows);
    await writeFile(path.join(folder, SUCCESS_FILE), '');
    return {
      rows: rows.reduce((sum, count) => sum + count, 0),
      files,
      bytes,
      aborted: writers.reduce((sum, writer) => sum + writer.aborted(), 0),
    };
  } finally {
    signal?.removeEventListener('abort', stop);
    await Promise.all(writers.map(async (writer) => writer.close()));
  }
}

/** Writer n of w writes the parts n, n + w, n + 2w ... */
function shareParts(
  request: ParquetFolderRequest,
  parts: readonly Part[],
  threads: number,
): Omit<ParquetWriterRequest, 'onRows'>[] {
  const { trace, shape, selection, names, workerUrl } = request;
  const { rowGroupRows = ROW_GROUP_ROWS } = request;
  const held = columnsOfTrace(trace, names);
  const columns = held.columns.filter(
    ({ name, words }) =>
      name !== PARTITION_COLUMN && (name !== 'function' || (words?.length ?? 0) > 0),
  );
  const task = {
    path: trace.path,
    columns,
    functions: held.functions,
    selected: {
      selection,
      columns: selectionColumns(shape.vcpuCount === 1 ? selection : { ...selection, vcpu: 0 }),
      insnBase: shape.insnBase,
    },
    ...{ workerUrl, rowGroupRows },
  };
  const count = Math.min(threads, MOST_WRITERS, parts.length);
  return Array.from({ length: count }, (_, i) => ({
    ...task,
    threads: Math.floor((threads + i) / count),
    lookAheadRows: LOOK_AHEAD_ROWS / count,
    parts: parts.filter((_part, index) => index % count === i),
  }));
}

/** Files without a row go, and the numbers of the others have no gaps. */
async function numberFiles(
  parts: readonly Part[],
  rows: readonly number[],
): Promise<{ readonly files: number; readonly bytes: number }> {
  const numbers = new Map<number, number>();
  let files = 0;
  let bytes = 0;
  for (const [i, { folder, vcpu, file }] of parts.entries()) {
    if (rows[i] === 0) {
      await rm(file);
      continue;
    }
    const number = numbers.get(vcpu) ?? 0;
    numbers.set(vcpu, number + 1);
    const name = path.join(folder, partName(number));
    if (name !== file) await rename(file, name);
    files++;
    bytes += (await stat(name)).size;
  }
  return { files, bytes };
}

function partName(number: number): string {
  return `part-${String(number).padStart(5, '0')}.parquet`;
}

interface Part extends PartFile {
  readonly vcpu: number;
  /** Of this vCPU. */
  readonly folder: string;
}

/** By vCPU, and then in the order of each stream; a part may turn out to be empty. */
function planParts(request: ParquetFolderRequest): readonly Part[] {
  const { selection, shape, folder, partAccesses = PART_ACCESSES } = request;
  const { chunks } = request.trace;
  const parts: Part[] = [];
  const streams = [...new Set(chunks.map(({ stream }) => stream))].sort((a, b) => a - b);
  for (let vcpu = 0; vcpu < shape.vcpuCount; vcpu++) {
    if (selection.vcpu !== undefined && selection.vcpu !== vcpu) continue;
    const own = path.join(folder, `vcpu=${vcpu}`);
    let number = 0;
    for (const stream of streams) {
      const recorded = chunks.filter((chunk) => chunk.stream === stream);
      const wanted = recorded.filter((chunk, i) => {
        const next = recorded[i + 1];
        return (
          chunk.accessCount > 0 &&
          mayRun(vcpu, chunk, next) &&
          chunkMayMatch({ ...selection, vcpu }, chunk, next, false)
        );
      });
      for (const part of partsOf(wanted, partAccesses)) {
        parts.push({
          vcpu,
          folder: own,
          file: path.join(own, partName(number++)),
          chunks: shape.vcpuCount === 1 ? part : part.map((chunk) => ({ ...chunk, vcpu })),
        });
      }
    }
  }
  return parts;
}

/** A vCPU that the next chunk does not list has not run before it (docs/format.md 3). */
function mayRun(vcpu: number, chunk: ChunkInfo, next: ChunkInfo | undefined): boolean {
  return (
    chunk.vcpu === vcpu ||
    next === undefined ||
    next.vcpu === vcpu ||
    next.vcpuStates.some((state) => state.vcpu === vcpu)
  );
}

function partsOf(chunks: readonly ChunkInfo[], partAccesses: number): readonly ScanChunk[][] {
  const parts: ScanChunk[][] = [];
  let room = 0;
  for (const { stream, firstOrdinal, accessCount } of chunks) {
    if (room <= 0) {
      parts.push([]);
      room = partAccesses;
    }
    parts.at(-1)?.push({ stream, firstOrdinal, endOrdinal: firstOrdinal + accessCount });
    room -= accessCount;
  }
  return parts;
}
