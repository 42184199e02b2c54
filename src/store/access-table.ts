// SPDX-License-Identifier: Apache-2.0
// The table `accesses`, which is nowhere: DuckDB asks for columns, and the trace is decoded as it reads.

import {
  BIGINT,
  BOOLEAN,
  type DuckDBConnection,
  DuckDBTableFunction,
  type DuckDBType,
  ENUM,
  INTEGER,
  SMALLINT,
  UBIGINT,
  UINTEGER,
  USMALLINT,
  UTINYINT,
} from '@duckdb/node-api';
import bindings from '@duckdb/node-bindings';
import { icountRanges, type Trace } from '../format/index.ts';
import { type AccessBounds, canHold } from './access-bounds.ts';
import { type FunctionNumbers, NO_FUNCTIONS } from './function-words.ts';
import { plainBounds } from './row-filter.ts';
import { type Scan, type ScanRows, startScan } from './scan.ts';
import { ELEMENT_BYTES, type ScanColumn } from './scan-columns.ts';
import type { ScanChunk } from './scan-protocol.ts';

export interface AccessTable {
  readonly columns: readonly ScanColumn[];
  /** Before each statement: what its scans read, and whom they tell how far they are, 0 to 1. */
  begin(scope: ScanScope, onProgress: ((part: number) => void) | undefined): void;
  /** Why a scan of the last statement failed: DuckDB keeps the words of an error only. */
  failure(): unknown;
  /** After each statement: ends its scans, finished or not. */
  stop(): Promise<void>;
}

/** Of a statement: its rows, or more. */
export interface ScanScope {
  readonly chunks: readonly ScanChunk[];
  readonly bounds: AccessBounds;
}

export interface AccessTableRequest {
  readonly trace: Trace;
  readonly columns: readonly ScanColumn[];
  /** Of the column `function`. */
  readonly functions: FunctionNumbers;
  readonly threads: number;
  /** Rows that are decoded ahead of DuckDB; default: the scan's. */
  readonly lookAheadRows?: number | undefined;
  readonly workerUrl: URL | undefined;
}

/** Name of the table function behind the view `accesses`. */
export const SCAN_FUNCTION = 'loadstore_accesses';

/** Rows that DuckDB takes at a time; validity masks of parts of a batch begin at whole words. */
const VECTOR_ROWS = 2048;

interface Running {
  readonly scan: Scan;
  /** Of each projected column. */
  readonly elementBytes: readonly number[];
  rows: ScanRows | undefined;
  /** Rows of these that DuckDB has. */
  taken: number;
}

export function registerAccessTable(
  connection: DuckDBConnection,
  request: AccessTableRequest,
): AccessTable {
  const { trace, columns } = request;
  const running: Running[] = [];
  const byScan = new WeakMap<object, Running>();
  let scope: ScanScope = { chunks: [], bounds: new Map() };
  let onProgress: ((part: number) => void) | undefined;
  let failed: unknown;
  const guarded = (info: { setError(text: string): void }, work: () => void): void => {
    try {
      work();
    } catch (error) {
      failed = error;
      info.setError(error instanceof Error ? error.message : String(error));
    }
  };
  const table = DuckDBTableFunction.create({
    name: SCAN_FUNCTION,
    supportsProjectionPushdown: true,
    bindFunction(info) {
      for (const column of columns) info.addResultColumn(column.name, typeOf(column));
      const { loads, stores } = trace.summary();
      info.setCardinality(loads + stores, scope.bounds.size === 0);
    },
    initFunction(info) {
      guarded(info, () => {
        const projected = info
          .getColumnIndexes()
          .flatMap((index) => columns.slice(index, index + 1));
        const one: Running = {
          scan: startScan({
            path: trace.path,
            chunks: scope.chunks,
            columns: projected.map(({ name, kind, needs }) => ({ name, kind, needs })),
            bounds: plainBounds(scope.bounds),
            selected: undefined,
            functions: projected.some(({ name }) => name === 'function')
              ? request.functions
              : NO_FUNCTIONS,
            threads: request.threads,
            ...(request.lookAheadRows === undefined
              ? {}
              : { lookAheadRows: request.lookAheadRows }),
            workerUrl: request.workerUrl,
          }),
          elementBytes: projected.map(({ kind }) => ELEMENT_BYTES[kind]),
          rows: undefined,
          taken: 0,
        };
        running.push(one);
        const key = {};
        byScan.set(key, one);
        info.setMaxThreads(1); // rows come in order
        info.setInitData(key);
      });
    },
    mainFunction(info, output) {
      guarded(info, () => {
        const key = info.getInitData();
        const one = key === undefined ? undefined : byScan.get(key);
        if (one === undefined) throw new Error('internal: a scan that was not begun');
        output.rowCount = fill(one, output.chunk);
        onProgress?.(running.reduce((sum, { scan }) => sum + scan.progress(), 0) / running.length);
      });
    },
  });
  connection.registerTableFunction(table);
  return {
    columns,
    begin(next, tell) {
      scope = next;
      onProgress = tell;
      failed = undefined;
    },
    failure: () => failed,
    async stop() {
      await Promise.all(running.splice(0).map(({ scan }) => scan.stop()));
    },
  };
}

type Chunk = Parameters<typeof bindings.data_chunk_get_vector>[0];

/** Writes the next rows; returns how many, 0 at the end. */
function fill(one: Running, chunk: Chunk): number {
  if (one.rows === undefined || one.taken === one.rows.rowCount) {
    one.rows = one.scan.next();
    one.taken = 0;
  }
  if (one.rows === undefined) return 0;
  const { rowCount, columns } = one.rows;
  const count = Math.min(VECTOR_ROWS, rowCount - one.taken);
  for (const [i, elementBytes] of one.elementBytes.entries()) {
    const vector = bindings.data_chunk_get_vector(chunk, i);
    const { bytes, valid } = columns[i];
    bindings.copy_data_to_vector(vector, 0, bytes, one.taken * elementBytes, count * elementBytes);
    if (valid !== undefined) {
      bindings.vector_ensure_validity_writable(vector);
      bindings.copy_data_to_vector_validity(
        vector,
        0,
        valid,
        one.taken / 8,
        Math.ceil(count / 64) * 8,
      );
    }
  }
  one.taken += count;
  return count;
}

/** In the order of the table: by stream, then in the order of the trace. */
export function chunksWithin(trace: Pick<Trace, 'chunks'>, bounds: AccessBounds): ScanChunk[] {
  const ordered = trace.chunks.toSorted(
    (a, b) => a.stream - b.stream || a.chunkIndex - b.chunkIndex,
  );
  return ordered
    .filter((chunk, i) => {
      const following = ordered[i + 1];
      const next = following?.stream === chunk.stream ? following : undefined;
      return canHold({ ...chunk, icounts: icountRanges(chunk, next) }, bounds);
    })
    .map(({ stream, firstOrdinal, accessCount }) => ({
      stream,
      firstOrdinal,
      endOrdinal: firstOrdinal + accessCount,
    }));
}

export function typeOf(
  { kind, words }: Pick<ScanColumn, 'kind' | 'words'>,
  signed = false,
): DuckDBType {
  switch (kind) {
    case 'u64':
      return signed ? BIGINT : UBIGINT;
    case 'u32':
      return signed ? INTEGER : UINTEGER;
    case 'u16':
      return signed ? SMALLINT : USMALLINT;
    case 'u8':
      return UTINYINT;
    case 'bool':
      return BOOLEAN;
    default:
      return ENUM(words === undefined || words.length === 0 ? [''] : words);
  }
}
