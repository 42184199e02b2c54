// SPDX-License-Identifier: Apache-2.0
// A trace as a database: tables in memory, accesses decoded while they are read.

import { rename, rm } from 'node:fs/promises';
import os from 'node:os';
import {
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunkWriter,
  type DuckDBResult,
} from '@duckdb/node-api';
import { partialOf, TraceError, UserError } from '../base/index.ts';
import type { Trace } from '../format/index.ts';
import {
  type AccessTable,
  chunksWithin,
  registerAccessTable,
  SCAN_FUNCTION,
  typeOf,
} from './access-table.ts';
import {
  columnsOfTrace,
  isFileError,
  openDuckDB,
  whyLacking,
  wordsOf,
  writeError,
} from './duckdb.ts';
import { decimalLiterals } from './hex-literals.ts';
import { readStatement } from './pushdown.ts';
import { nameOfType } from './result-rows.ts';
import {
  ADDRESS_SPACES,
  type DatabaseNames,
  type DatabaseSpace,
  SMALL_TABLES,
  type Table,
  VIEWS,
} from './tables.ts';

export interface DatabaseOptions {
  readonly trace: Trace;
  readonly names: DatabaseNames;
  /** Reads the trace: asked once, when a statement uses the table of address spaces. Default: there is no such table. */
  readonly findSpaces?: FindSpaces;
  /**
   * Threads that decode, beside one of DuckDB's; of statements that read no accesses, DuckDB's own. Default: all of
   * the machine.
   */
  readonly threads?: number;
  /** Statements may read and write files. Default false. */
  readonly files?: boolean;
  /** Bytes that DuckDB may take before it writes to temporary files. Default 1 GiB. */
  readonly memoryBytes?: number;
  /** Rows that are decoded ahead of DuckDB, some 60 to 100 bytes each. Default 2^20. */
  readonly lookAheadRows?: number;
  readonly workerUrl?: URL;
}

export type FindSpaces = (signal: AbortSignal) => Promise<readonly DatabaseSpace[]>;

export interface TableSchema {
  readonly name: string;
  readonly meaning: string;
  readonly columns: readonly {
    readonly name: string;
    readonly type: string;
    readonly meaning: string;
  }[];
}

export interface TraceDatabase {
  schema(): Promise<readonly TableSchema[]>;
  /**
   * Runs one SELECT and hands its result to `take`, which reads it to its end or not. Throws TraceError
   * 'bad-argument' for what DuckDB refuses, and the reason of an aborted signal.
   */
  query<T>(sql: string, take: (result: DuckDBResult) => Promise<T>, run?: RunOptions): Promise<T>;
  /**
   * Writes the result of one SELECT to a file, which must not exist: whole, or there is none. Returns how many
   * rows it has. Throws as query() does, and UserError 'environment' when it cannot be written. Needs `files`.
   */
  write(sql: string, file: string, format: FileFormat, run?: RunOptions): Promise<number>;
  close(): void;
}

export const FILE_FORMATS = ['csv', 'json', 'parquet'] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

const COPY_OPTIONS: Readonly<Record<FileFormat, string>> = {
  csv: 'format csv, header',
  json: 'format json, array',
  parquet: 'format parquet, compression zstd',
};

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Part of the trace that has been read, 0 to 1: told often. */
  readonly onProgress?: (part: number) => void;
}

export async function openTraceDatabase(options: DatabaseOptions): Promise<TraceDatabase> {
  const { trace } = options;
  const threads = options.threads ?? os.availableParallelism();
  const { memoryBytes, files = false } = options;
  const duckdb = await openDuckDB({ threads, files, memoryBytes });
  const { connection } = duckdb;
  const tables = tablesOf(options);
  const accesses = await createAccesses(connection, options, tables, threads);
  const filled = new Set<string>();
  const alone = inTurn();
  const prepare = async (sql: string, { onProgress, signal }: RunOptions): Promise<string> => {
    const statement = decimalLiterals(sql).replace(/;\s*$/, '');
    const { tables: used, readsAccesses, bounds } = await parse(connection, statement);
    // Accesses come to one thread of DuckDB, in order. Another would have nothing to do but to look for work, and took
    // as much of a processor as a thread that decodes.
    await connection.run(`set threads = ${readsAccesses ? 1 : threads}`);
    for (const table of tables) {
      if (used.has(table.name) && !filled.has(table.name)) {
        await fillTable(connection, table, options, signal);
        filled.add(table.name);
      }
    }
    accesses.begin({ chunks: chunksWithin(trace, bounds), bounds }, onProgress);
    return statement;
  };
  return {
    schema: async () => describeTables(connection, accesses, tables),
    query: async (sql, take, run = {}) =>
      alone(async () => {
        const statement = await prepare(sql, run);
        return watched(connection, trace, accesses, run, async () =>
          take(await connection.stream(statement)),
        );
      }),
    write: async (sql, file, format, run = {}) =>
      alone(async () => {
        const statement = await prepare(sql, run);
        return watched(connection, trace, accesses, run, async () =>
          wholeFile(file, async (partial) => {
            const name = partial.replaceAll("'", "''");
            const copy = `copy (${statement}\n) to '${name}' (${COPY_OPTIONS[format]})`;
            const reader = await connection.runAndReadAll(copy);
            return Number(reader.getRows()[0]?.[0]);
          }),
        );
      }),
    close: () => {
      duckdb.close();
    },
  };
}

/** Those that this trace can fill. */
function tablesOf({ trace, findSpaces }: DatabaseOptions): readonly Table[] {
  const hasSpaces = findSpaces !== undefined && trace.capabilities['address-space'].status !== 'no';
  return SMALL_TABLES.filter(({ name }) => name !== ADDRESS_SPACES || hasSpaces);
}

/** Runs one piece of work at a time: a connection has one statement, and its scans. */
function inTurn(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return async (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

/** A file that is not whole never has the name that was asked for. */
async function wholeFile<T>(file: string, write: (partial: string) => Promise<T>): Promise<T> {
  const partial = partialOf(file);
  try {
    const result = await write(partial);
    await rename(partial, file);
    return result;
  } catch (error) {
    await rm(partial, { force: true });
    if (isFileError(error)) {
      throw writeError(file, error);
    }
    throw error;
  }
}

async function createAccesses(
  connection: DuckDBConnection,
  { trace, names, lookAheadRows, workerUrl }: DatabaseOptions,
  tables: readonly Table[],
  threads: number,
): Promise<AccessTable> {
  const { columns: held, functions } = columnsOfTrace(trace, names);
  const table = registerAccessTable(connection, {
    ...{ trace, columns: held, functions, threads, lookAheadRows, workerUrl },
  });
  await connection.run(`create view accesses as select * from ${SCAN_FUNCTION}()`);
  for (const { name, columns } of tables) {
    await connection.run(
      `create table ${name} (${columns.map((one) => `"${one.name}" ${String(one.type)}`).join(', ')})`,
    );
  }
  for (const { name, sql } of VIEWS) {
    await connection.run(`create view ${name} as ${sql}`);
  }
  return table;
}

async function describeTables(
  connection: DuckDBConnection,
  accesses: AccessTable,
  small: readonly Table[],
): Promise<readonly TableSchema[]> {
  const tables: TableSchema[] = [
    {
      name: 'accesses',
      meaning: 'one row for each load and store, in order; without aborted ones',
      columns: accesses.columns.map((column) => ({
        name: column.name,
        type: nameOfType(String(typeOf(column))),
        meaning: column.meaning,
      })),
    },
    ...small.map(({ name, meaning, columns }) => ({
      name,
      meaning,
      columns: columns.map((one) => ({ ...one, type: String(one.type) })),
    })),
  ];
  for (const { name, meaning } of VIEWS) {
    const described = await connection.runAndReadAll(
      'select column_name, data_type from duckdb_columns() where table_name = $1',
      [name],
    );
    const columns = described
      .getRows()
      .map(([column, type]) => ({ name: String(column), type: String(type), meaning: '' }));
    if (columns.length > 0) tables.push({ name, meaning, columns });
  }
  return tables;
}

/** One SELECT, or an error in DuckDB's words. */
async function parse(
  connection: DuckDBConnection,
  sql: string,
): Promise<ReturnType<typeof readStatement>> {
  const reader = await connection.runAndReadAll('select json_serialize_sql($1::varchar)', [sql]);
  const serialized = String(reader.getRows()[0]?.[0]);
  const statement = readStatement(serialized);
  if (statement.error !== undefined) {
    throw refused(
      statement.error.startsWith('Only SELECT')
        ? 'only a SELECT can be asked of a trace'
        : `not SQL: ${statement.error}`,
    );
  }
  if (statement.count === 0) throw refused('there is no statement: select count(*) from accesses');
  if (statement.count !== 1) throw refused('one SELECT at a time');
  return statement;
}

function refused(message: string): TraceError {
  return new TraceError('bad-argument', message);
}

const TABLE_NAMES = ['accesses', ...SMALL_TABLES, ...VIEWS].map((one) =>
  typeof one === 'string' ? one : one.name,
);

/** What DuckDB's words say is not there. */
const MISSING =
  /\b(?:(?<column>column)(?: named)? |Table with name )"?(?<name>\w+)"?[^!]*(?:not|does not exist)\b/i;
const MISSING_OF_TABLE = /does not have a (?<column>column) named "(?<name>\w+)"/;

/** A statement that DuckDB refused; 'missing-capability' for a column or view that this trace cannot have. */
function withReason(trace: Trace, words: string): TraceError {
  const { column, name = '' } = (MISSING_OF_TABLE.exec(words) ?? MISSING.exec(words))?.groups ?? {};
  const why = whyLacking(trace, name.toLowerCase());
  if (why === undefined) return refused(`not SQL for this trace: ${withOwnTables(trace, words)}`);
  const what = column === undefined ? 'table' : 'column';
  const message = `the trace has no ${what} ${name.toLowerCase()}: ${why}`;
  return new TraceError('missing-capability', message, { file: trace.path });
}

/** DuckDB's words; where it suggests a table of its own, such as pg_enum, those of a trace instead. */
function withOwnTables(trace: Trace, words: string): string {
  const names = TABLE_NAMES.filter((name) => whyLacking(trace, name) === undefined);
  return words.replace(
    /(Table with name .* does not exist!) Did you mean "(?:.*\.)?([^".]*)"\?/,
    (all: string, missing: string, suggested: string) =>
      names.includes(suggested) ? all : `${missing} There are ${names.join(', ')}.`,
  );
}

async function fillTable(
  connection: DuckDBConnection,
  { name, rows }: Table,
  { trace, names, findSpaces }: DatabaseOptions,
  signal = new AbortController().signal,
): Promise<void> {
  const appender: DuckDBAppender = await connection.createAppender(name);
  const writer = DuckDBDataChunkWriter.forAppender(appender);
  for await (const row of rows(trace, names, async () => findSpaces?.(signal) ?? []))
    writer.appendRow(row);
  writer.flush();
  appender.closeSync();
}

/** Runs a statement with its scans ended afterwards, whatever happens. */
async function watched<T>(
  connection: DuckDBConnection,
  trace: Trace,
  accesses: AccessTable,
  { signal }: RunOptions,
  work: () => Promise<T>,
): Promise<T> {
  const interrupt = (): void => {
    connection.interrupt();
  };
  signal?.throwIfAborted();
  signal?.addEventListener('abort', interrupt);
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    const failure = accesses.failure();
    if (failure instanceof Error) throw failure;
    if (error instanceof TraceError || error instanceof UserError) throw error;
    throw withReason(trace, wordsOf(error));
  } finally {
    signal?.removeEventListener('abort', interrupt);
    await accesses.stop();
  }
}
