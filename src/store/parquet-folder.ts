// SPDX-License-Identifier: Apache-2.0
// A trace as a folder of Parquet files: vcpu=N/part-NNNNN.parquet, in the order of the trace, as readers that
// prune by partition and by the statistics of row groups want it.

import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  chunkMayMatch,
  type Selection,
  selectionColumns,
  type TraceShape,
} from '../analysis/index.ts';
import type { ChunkInfo, Trace } from '../format/index.ts';
import { type AccessTable, registerAccessTable, SCAN_FUNCTION } from './access-table.ts';
import type { RunOptions } from './database.ts';
import { columnsOfTrace, isFileError, openDuckDB, writeError } from './duckdb.ts';
import type { ScanColumn } from './scan-columns.ts';
import type { ScanChunk } from './scan-protocol.ts';
import type { DatabaseNames } from './tables.ts';

export interface ParquetFolderRequest {
  readonly trace: Trace;
  readonly shape: Pick<TraceShape, 'insnBase' | 'vcpuCount'>;
  readonly selection: Selection;
  /** Of the column `function`; without any there is no such column. */
  readonly names: Pick<DatabaseNames, 'functionOf'>;
  /** Must exist and be empty. */
  readonly folder: string;
  /** Threads that decode, and DuckDB's own. Default: all of the machine. */
  readonly threads?: number;
  readonly memoryBytes?: number;
  readonly workerUrl?: URL;
  /** At least 2048, the default ROW_GROUP_ROWS. */
  readonly rowGroupRows?: number;
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

/** Accesses, of all vCPUs, that a file is of: one has some 120 MB, which one task of a cluster takes at once. */
const PART_ACCESSES = 2 ** 26;
/** What a reader skips or reads. Smaller ones are larger in all: each has dictionaries of its own. */
const ROW_GROUP_ROWS = 2 ** 18;
/** Of one column in a row group: with more values it is written as differences. Measured: a sixth less time than DuckDB's own limit. */
const DICTIONARY_VALUES = 20_000;
/** Version 2 is about encodings: Spark 3.3, Trino, ClickHouse, pyarrow read them. Bloom filters took a tenth of the file. */
const COPY_OPTIONS = [
  ...['format parquet', 'parquet_version v2', 'compression zstd', 'compression_level 1'],
  ...[`dictionary_size_limit ${DICTIONARY_VALUES}`, 'write_bloom_filter false'],
].join(', ');

/** The partition's column is in the path alone, as all writers of such folders have it. */
const PARTITION_COLUMN = 'vcpu';

/**
 * Writes the selected accesses. When it throws, what is in the folder is of no use: what reading the trace throws,
 * UserError 'environment' when it cannot be written, and the reason of an aborted signal.
 */
export async function writeParquetFolder(
  request: ParquetFolderRequest,
  { signal, onProgress }: RunOptions = {},
): Promise<ParquetFolderCounts> {
  const { trace, shape, selection, names, folder, memoryBytes } = request;
  const { rowGroupRows = ROW_GROUP_ROWS } = request;
  const { insnBase } = shape;
  const threads = request.threads ?? os.availableParallelism();
  const parts = planParts(trace, selection, shape);
  const { columns, functionOf } = columnsOfTrace(trace, names);
  const duckdb = await openDuckDB({ threads, files: true, memoryBytes });
  const { connection } = duckdb;
  const interrupt = (): void => {
    connection.interrupt();
  };
  signal?.addEventListener('abort', interrupt);
  const total = { rows: 0, files: 0, bytes: 0, aborted: 0 };
  let table: AccessTable | undefined;
  try {
    signal?.throwIfAborted();
    const { workerUrl } = request;
    table = registerAccessTable(connection, {
      ...{ trace, columns, functionOf, threads, workerUrl, signed: true },
    });
    const select = `select ${selectList(columns)} from ${SCAN_FUNCTION}()`;
    const numbers = new Map<number, number>();
    for (const [index, { vcpu, chunks }] of parts.entries()) {
      const number = numbers.get(vcpu) ?? 0;
      const file = path.join(
        folder,
        `vcpu=${vcpu}`,
        `part-${String(number).padStart(5, '0')}.parquet`,
      );
      if (number === 0) await mkdir(path.dirname(file), { recursive: true });
      const own = shape.vcpuCount === 1 ? selection : { ...selection, vcpu };
      table.begin(
        {
          chunks,
          bounds: new Map(),
          selected: { selection: own, columns: selectionColumns(own), insnBase },
        },
        (part) => onProgress?.((index + part) / parts.length),
      );
      const copy = `copy (${select}) to '${file.replaceAll("'", "''")}' (${COPY_OPTIONS}, row_group_size ${rowGroupRows})`;
      const rows = Number((await connection.runAndReadAll(copy)).getRows()[0]?.[0]);
      total.aborted += table.aborted();
      await table.stop();
      if (rows === 0) {
        await rm(file);
        continue;
      }
      numbers.set(vcpu, number + 1);
      total.rows += rows;
      total.files++;
      total.bytes += (await stat(file)).size;
    }
    await writeFile(path.join(folder, SUCCESS_FILE), '');
    return total;
  } catch (error) {
    signal?.throwIfAborted();
    const failure = table?.failure();
    if (failure instanceof Error) throw failure;
    if (isFileError(error)) {
      throw writeError(folder, error);
    }
    throw error;
  } finally {
    signal?.removeEventListener('abort', interrupt);
    await table?.stop();
    duckdb.close();
  }
}

interface Part {
  readonly vcpu: number;
  readonly chunks: readonly ScanChunk[];
}

/** By vCPU, and then in the order of each stream; a part may turn out to be empty. */
function planParts(
  { chunks }: Pick<Trace, 'chunks'>,
  selection: Selection,
  shape: Pick<TraceShape, 'vcpuCount'>,
): readonly Part[] {
  const parts: Part[] = [];
  const streams = [...new Set(chunks.map(({ stream }) => stream))].sort((a, b) => a - b);
  for (let vcpu = 0; vcpu < shape.vcpuCount; vcpu++) {
    if (selection.vcpu !== undefined && selection.vcpu !== vcpu) continue;
    for (const stream of streams) {
      const own = chunks.filter((chunk) => chunk.stream === stream);
      const wanted = own.filter((chunk, i) => {
        const next = own[i + 1];
        return (
          chunk.accessCount > 0 &&
          mayRun(vcpu, chunk, next) &&
          chunkMayMatch({ ...selection, vcpu }, chunk, next, false)
        );
      });
      for (const part of partsOf(wanted)) parts.push({ vcpu, chunks: part });
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

function partsOf(chunks: readonly ChunkInfo[]): readonly ScanChunk[][] {
  const parts: ScanChunk[][] = [];
  let room = 0;
  for (const { stream, firstOrdinal, accessCount } of chunks) {
    if (room <= 0) {
      parts.push([]);
      room = PART_ACCESSES;
    }
    parts.at(-1)?.push({ stream, firstOrdinal, endOrdinal: firstOrdinal + accessCount });
    room -= accessCount;
  }
  return parts;
}

/** Bytes are widened: readers know no unsigned ones. */
function selectList(columns: readonly ScanColumn[]): string {
  return columns
    .filter(
      ({ name, words }) =>
        name !== PARTITION_COLUMN && (name !== 'function' || (words?.length ?? 0) > 0),
    )
    .map(({ name, kind }) => (kind === 'u8' ? `"${name}"::smallint as "${name}"` : `"${name}"`))
    .join(', ');
}
