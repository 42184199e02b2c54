// SPDX-License-Identifier: Apache-2.0
// SQL over traces, with DuckDB: the only module that knows it.

export {
  type DatabaseOptions,
  FILE_FORMATS,
  type FileFormat,
  openTraceDatabase,
  type RunOptions,
  type TableSchema,
  type TraceDatabase,
} from './database.ts';
export {
  type ParquetFolderCounts,
  type ParquetFolderRequest,
  writeParquetFolder,
} from './parquet-folder.ts';
export {
  type Cell,
  columnsOf,
  jsonOfCell,
  type ResultColumn,
  rowsOf,
} from './result-rows.ts';
export type { CodeFunction, DatabaseNames, DatabaseSpace } from './tables.ts';
