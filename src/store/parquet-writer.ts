// SPDX-License-Identifier: Apache-2.0
// Writes some of a folder's Parquet files, one after the other: threads that decode, and one of DuckDB's, which
// writes. The next file's accesses are decoded while the last of a file are written.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { registerAccessLists } from './access-lists.ts';
import { isFileError, openDuckDB, writeError } from './duckdb.ts';
import { type ScanRequest, startScan } from './scan.ts';
import type { ScanColumn } from './scan-columns.ts';
import type { ScanChunk } from './scan-protocol.ts';

export interface PartFile {
  readonly file: string;
  readonly chunks: readonly ScanChunk[];
}

export interface ParquetWriterRequest extends Omit<ScanRequest, 'chunks' | 'columns' | 'bounds'> {
  readonly parts: readonly PartFile[];
  /** In this order; all but the words are integers. */
  readonly columns: readonly ScanColumn[];
  readonly rowGroupRows: number;
  /** Called often. */
  readonly onRows: () => void;
}

export interface ParquetWriter {
  /**
   * Writes the files; gives the rows of each. Throws what reading the trace throws, UserError 'environment' when
   * one cannot be written, and the reason of an aborted signal.
   */
  write(signal: AbortSignal): Promise<readonly number[]>;
  /** Chunks whose accesses have been handed over. */
  chunksDone(): number;
  /** Of these: accesses that are selected but did not complete. */
  aborted(): number;
  close(): Promise<void>;
}

/** Of one column in a row group: with more values it is written as differences. Measured: docs/decisions/017-parquet-folders.md. */
const DICTIONARY_VALUES = 2 ** 14;
/** Version 2 is about encodings: Spark 3.3, Trino, ClickHouse, pyarrow read them. Bloom filters took a tenth of the file. */
const COPY_OPTIONS = [
  ...['format parquet', 'parquet_version v2', 'compression zstd', 'compression_level 1'],
  ...[`dictionary_size_limit ${DICTIONARY_VALUES}`, 'write_bloom_filter false'],
].join(', ');

const ROWS_FUNCTION = 'loadstore_rows';

export async function startParquetWriter(request: ParquetWriterRequest): Promise<ParquetWriter> {
  const { parts, columns, rowGroupRows, onRows, ...task } = request;
  const duckdb = await openDuckDB({ threads: 1, files: true });
  const { connection } = duckdb;
  const scan = startScan({
    ...task,
    columns: columns.map(({ name, kind, needs }) => ({ name, kind, needs })),
    bounds: [],
    chunks: parts.flatMap(({ chunks }) => chunks),
  });
  const lists = registerAccessLists(connection, { name: ROWS_FUNCTION, columns, scan, onRows });
  const select = selectRows(columns);
  let endChunk = 0;
  const writePart = async ({ file, chunks }: PartFile, signal: AbortSignal): Promise<number> => {
    await mkdir(path.dirname(file), { recursive: true });
    signal.throwIfAborted(); // an interrupt is for the query that runs
    endChunk += chunks.length;
    lists.begin(endChunk);
    const copy = `copy (${select}) to '${file.replaceAll("'", "''")}' (${COPY_OPTIONS}, row_group_size ${rowGroupRows})`;
    try {
      return Number((await connection.runAndReadAll(copy)).getRows()[0]?.[0]);
    } catch (error) {
      const failure = lists.failure();
      if (failure instanceof Error) throw failure;
      throw isFileError(error) ? writeError(file, error) : error;
    }
  };
  return {
    async write(signal) {
      const interrupt = (): void => {
        connection.interrupt();
      };
      signal.addEventListener('abort', interrupt);
      try {
        const rows: number[] = [];
        for (const part of parts) {
          rows.push(await writePart(part, signal));
        }
        return rows;
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        signal.removeEventListener('abort', interrupt);
      }
    },
    chunksDone: () => scan.chunksDone(),
    aborted: () => scan.aborted(),
    async close() {
      await scan.stop();
      duckdb.close();
    },
  };
}

/** Bytes are widened: readers know no unsigned ones. */
function selectRows(columns: readonly ScanColumn[]): string {
  const rows = columns.map(({ name }) => `unnest("${name}") as "${name}"`).join(', ');
  const row = columns
    .map(({ name, kind }) => (kind === 'u8' ? `"${name}"::smallint as "${name}"` : `"${name}"`))
    .join(', ');
  return `select ${row} from (select ${rows} from ${ROWS_FUNCTION}())`;
}
