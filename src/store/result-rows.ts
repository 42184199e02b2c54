// SPDX-License-Identifier: Apache-2.0
// Results of statements, some rows at a time, as values that need no DuckDB to be shown.

import { type DuckDBResult, type DuckDBValue, JsonDuckDBValueConverter } from '@duckdb/node-api';

/** Numbers beyond 2^53 are text in decimal. Lists and structures are arrays and objects. */
export type Cell =
  | null
  | boolean
  | number
  | string
  | readonly Cell[]
  | { readonly [name: string]: Cell };

export interface ResultColumn {
  readonly name: string;
  /** DuckDB's name of the type. */
  readonly type: string;
  readonly isNumber: boolean;
}

export function columnsOf(result: DuckDBResult): readonly ResultColumn[] {
  return result.columnNames().map((name, i) => {
    const type = String(result.columnType(i));
    return { name, type, isNumber: /INT|DOUBLE|FLOAT|DECIMAL/.test(type) };
  });
}

/** The rows in parts; stops reading when the caller does. */
export async function* rowsOf(
  result: DuckDBResult,
): AsyncGenerator<readonly (readonly Cell[])[], void, undefined> {
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return;
    const columns = Array.from({ length: chunk.columnCount }, (_, i) => {
      const { type } = chunk.getColumnVector(i);
      return chunk
        .getColumnValues(i)
        .map((value) =>
          cellOf(value, () => JsonDuckDBValueConverter(value, type, JsonDuckDBValueConverter)),
        );
    });
    yield Array.from({ length: chunk.rowCount }, (_, row) =>
      columns.map((column) => column[row] ?? null),
    );
  }
}

function cellOf(value: DuckDBValue, convert: () => unknown): Cell {
  switch (typeof value) {
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
    case 'string':
      return value;
    default:
      return value === null ? null : narrowCell(convert());
  }
}

function narrowCell(value: unknown): Cell {
  if (Array.isArray(value)) return value.map(narrowCell);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, narrowCell(one)]));
  }
  switch (typeof value) {
    case 'boolean':
    case 'number':
    case 'string':
      return value;
    default:
      return null;
  }
}
