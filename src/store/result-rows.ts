// SPDX-License-Identifier: Apache-2.0
// Results of statements, some rows at a time, as values that need no DuckDB to be shown.

import {
  DuckDBArrayValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  type DuckDBResult,
  DuckDBStructValue,
  DuckDBTypeId,
  DuckDBUnionValue,
  type DuckDBValue,
} from '@duckdb/node-api';

/** Of a DECIMAL: "1.50". */
class ExactDecimal {
  readonly digits: string;

  constructor(digits: string) {
    this.digits = digits;
  }

  toString(): string {
    return this.digits;
  }
}

/**
 * What it is follows from the column's type: integers of 64 bits and more are bigints, whatever their value, shorter ones
 * and floating-point numbers are numbers (infinities and NaN their words). Lists and structures are arrays and objects.
 */
export type Cell =
  | null
  | boolean
  | number
  | bigint
  | string
  | ExactDecimal
  | readonly Cell[]
  | { readonly [name: string]: Cell };

export interface ResultColumn {
  readonly name: string;
  /** nameOfType(). */
  readonly type: string;
  readonly isNumber: boolean;
}

export function columnsOf(result: DuckDBResult): readonly ResultColumn[] {
  return result.deduplicatedColumnNames().map((name, i) => {
    const type = result.columnType(i);
    return { name, type: nameOfType(String(type)), isNumber: NUMBERS.has(type.typeId) };
  });
}

const NUMBERS: ReadonlySet<DuckDBTypeId> = new Set([
  ...[DuckDBTypeId.TINYINT, DuckDBTypeId.SMALLINT, DuckDBTypeId.INTEGER, DuckDBTypeId.BIGINT],
  ...[DuckDBTypeId.UTINYINT, DuckDBTypeId.USMALLINT, DuckDBTypeId.UINTEGER, DuckDBTypeId.UBIGINT],
  ...[DuckDBTypeId.HUGEINT, DuckDBTypeId.UHUGEINT, DuckDBTypeId.BIGNUM, DuckDBTypeId.DECIMAL],
  ...[DuckDBTypeId.FLOAT, DuckDBTypeId.DOUBLE],
]);

/** DuckDB's name of a type, without the words of enumerations: those of `function` are 100 KB. */
export function nameOfType(name: string): string {
  return name.replace(/ENUM\((?:(?:, )?'(?:[^']|'')*')*\)/g, 'ENUM');
}

/** Of the tables that DESCRIBE and SUMMARIZE make: names of types. */
const TYPE_COLUMN = 'column_type';

/** The rows in parts; stops reading when the caller does. */
export async function* rowsOf(
  result: DuckDBResult,
): AsyncGenerator<readonly (readonly Cell[])[], void, undefined> {
  const names = result.deduplicatedColumnNames();
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return;
    const columns = Array.from({ length: chunk.columnCount }, (_, i) => {
      const cells = chunk.getColumnValues(i).map(cellOf);
      if (names[i] !== TYPE_COLUMN) return cells;
      return cells.map((cell) => (typeof cell === 'string' ? nameOfType(cell) : cell));
    });
    yield Array.from({ length: chunk.rowCount }, (_, row) =>
      columns.map((column) => column[row] ?? null),
    );
  }
}

/** Times, intervals, blobs and the like as DuckDB writes them. */
function cellOf(value: DuckDBValue): Cell {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
    case 'boolean':
    case 'string':
      return value;
    default:
      break;
  }
  if (value === null) return null;
  if (value instanceof DuckDBDecimalValue) return new ExactDecimal(String(value));
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) {
    return value.items.map(cellOf);
  }
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(
      Object.entries(value.entries).map(([name, one]) => [name, cellOf(one)]),
    );
  }
  if (value instanceof DuckDBMapValue) {
    return value.entries.map((entry) => ({ key: cellOf(entry.key), value: cellOf(entry.value) }));
  }
  if (value instanceof DuckDBUnionValue) return { tag: value.tag, value: cellOf(value.value) };
  return String(value);
}

/** Numbers with all their digits: JSON itself has no limit. */
export function jsonOfCell(cell: Cell): string {
  if (typeof cell === 'bigint' || cell instanceof ExactDecimal) return String(cell);
  if (Array.isArray(cell)) return `[${cell.map(jsonOfCell).join(',')}]`;
  if (typeof cell === 'object' && cell !== null) {
    const members = Object.entries(cell).map(
      ([name, one]) => `${JSON.stringify(name)}:${jsonOfCell(one)}`,
    );
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(cell);
}
