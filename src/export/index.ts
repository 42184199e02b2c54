// SPDX-License-Identifier: Apache-2.0
// Traces in the formats of other tools: a stream of bytes each, in constant memory.

export {
  type ExportCounts,
  type ExportOptions,
  type ExportPart,
  emptyExportError,
  exportTrace,
} from './export-trace.ts';
export { EXPORT_FORMATS, type ExportFormat, type FormatDescription } from './formats.ts';
export { LOSS_NAMES, LOSSES } from './losses.ts';
export { OutputBuffer } from './output-buffer.ts';
export { type Part, rangesOf } from './part.ts';
export { rowColumnsOf } from './row-export.ts';
export {
  instructionTexts,
  type NameCode,
  ROW_FIELDS,
  ROW_MARKS,
  type RowColumns,
  type RowField,
  type RowFormat,
  RowWriter,
  wideColumns,
} from './rows.ts';
