// SPDX-License-Identifier: Apache-2.0
// Accesses for DuckDB as rows of lists: each has the rows of a batch. DuckDB takes 2,048 rows of a table function at
// a time, and to wait for the main thread for each of them took a third of an export's time.

import { type DuckDBConnection, DuckDBTableFunction, LIST } from '@duckdb/node-api';
import bindings from '@duckdb/node-bindings';
import { typeOf } from './access-table.ts';
import { NOT_YET, type Scan, type ScanRows } from './scan.ts';
import { ELEMENT_BYTES, type ScanColumn } from './scan-columns.ts';

export interface AccessLists {
  /** Before each statement: it gets what none has had of the chunks before this one. */
  begin(endChunk: number): void;
  /** Why the last statement failed: DuckDB keeps the words of an error only. */
  failure(): unknown;
}

export interface AccessListsRequest {
  /** Name of the table function, of the instance's own. */
  readonly name: string;
  /** All that the scan is asked for: lists of signed integers of the same bits, but for bytes. */
  readonly columns: readonly ScanColumn[];
  readonly scan: Scan;
  /** Called for each row. */
  readonly onRows: () => void;
}

/** The main thread serves other statements meanwhile. */
const WAIT_MS = 2;
/** Its list is an offset and a length, each of 64 bits. */
const ENTRY_BYTES = 16;

export function registerAccessLists(
  connection: DuckDBConnection,
  { name, columns, scan, onRows }: AccessListsRequest,
): AccessLists {
  const elementBytes = columns.map(({ kind }) => ELEMENT_BYTES[kind]);
  let end = 0;
  let failed: unknown;
  const table = DuckDBTableFunction.create({
    name,
    bindFunction(info) {
      for (const column of columns) info.addResultColumn(column.name, LIST(typeOf(column, true)));
    },
    initFunction(info) {
      info.setMaxThreads(1); // rows come in order
    },
    mainFunction(info, output) {
      try {
        const rows = scan.nextWithin(WAIT_MS, end);
        // Without elements: DuckDB asks again.
        if (rows !== undefined) writeLists(output.chunk, elementBytes, rows);
        output.rowCount = rows === undefined ? 0 : 1;
        onRows();
      } catch (error) {
        failed = error;
        info.setError(error instanceof Error ? error.message : String(error));
      }
    },
  });
  connection.registerTableFunction(table);
  return {
    begin(endChunk) {
      end = endChunk;
      failed = undefined;
    },
    failure: () => failed,
  };
}

/** Makes the first row of the chunk. */
function writeLists(
  chunk: Parameters<typeof bindings.data_chunk_get_vector>[0],
  elementBytes: readonly number[],
  rows: ScanRows | typeof NOT_YET,
): void {
  const rowCount = rows === NOT_YET ? 0 : rows.rowCount;
  const entry = new BigUint64Array([0n, BigInt(rowCount)]).buffer;
  for (const [i, size] of elementBytes.entries()) {
    const list = bindings.data_chunk_get_vector(chunk, i);
    bindings.copy_data_to_vector(list, 0, entry, 0, ENTRY_BYTES);
    bindings.list_vector_reserve(list, rowCount);
    bindings.list_vector_set_size(list, rowCount);
    if (rows === NOT_YET) continue;
    const { bytes, valid } = rows.columns[i];
    const elements = bindings.list_vector_get_child(list);
    bindings.copy_data_to_vector(elements, 0, bytes, 0, rowCount * size);
    if (valid !== undefined) {
      bindings.vector_ensure_validity_writable(elements);
      bindings.copy_data_to_vector_validity(elements, 0, valid, 0, valid.byteLength);
    }
  }
}
