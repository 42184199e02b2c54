// SPDX-License-Identifier: Apache-2.0
// Rows of a SQL result as text: a table for reading; csv and json for programs, written as they come.

import { assertNever } from '../../base/index.ts';
import { type Cell, jsonOfCell, type ResultColumn, type TableSchema } from '../../store/index.ts';
import { drawTable } from './table.ts';

export const ROW_FORMATS = ['table', 'csv', 'json'] as const;
export type RowFormat = (typeof ROW_FORMATS)[number];

export interface RowsToWrite {
  readonly columns: readonly ResultColumn[];
  readonly parts: AsyncIterable<readonly (readonly Cell[])[]>;
  readonly format: RowFormat;
  /** Rows of a table, behind which nothing is read; 0: all. */
  readonly limit: number;
}

export async function writeRows(
  { columns, parts, format, limit }: RowsToWrite,
  write: (text: string) => Promise<void>,
): Promise<void> {
  switch (format) {
    case 'table':
      return writeTable(columns, parts, limit, write);
    case 'csv':
      await write(`${columns.map(({ name }) => csvCell(name)).join(',')}\n`);
      for await (const rows of parts) {
        await write(rows.map((row) => `${row.map(csvCell).join(',')}\n`).join(''));
      }
      return undefined;
    case 'json':
      return writeJson(columns, parts, write);
    default:
      return assertNever(format);
  }
}

async function writeTable(
  columns: readonly ResultColumn[],
  parts: RowsToWrite['parts'],
  limit: number,
  write: (text: string) => Promise<void>,
): Promise<void> {
  const shown: string[][] = [];
  let isMore = false;
  for await (const rows of parts) {
    const room = limit === 0 ? rows.length : limit - shown.length;
    for (const row of rows.slice(0, room)) shown.push(row.map(textOf));
    isMore = rows.length > room;
    if (isMore) break; // what nobody sees need not be read: a page may have 40 million accesses
  }
  const aligns = columns.map(({ isNumber }) => (isNumber ? 'right' : 'left'));
  await write(drawTable([columns.map(({ name }) => name), ...shown], aligns));
  if (isMore) {
    await write('more rows, not read; all of them: --limit 0; how many: select count(*)\n');
  }
}

async function writeJson(
  columns: readonly ResultColumn[],
  parts: RowsToWrite['parts'],
  write: (text: string) => Promise<void>,
): Promise<void> {
  const head = columns.map(({ name, type }) => ({ name, type }));
  const members = columns.map(({ name }) => `${JSON.stringify(name)}:`);
  await write(`{\n"columns": ${JSON.stringify(head)},\n"rows": [`);
  let separator = '\n';
  for await (const rows of parts) {
    let text = '';
    for (const row of rows) {
      const cells = row.map((cell, i) => `${members[i]}${jsonOfCell(cell)}`);
      text += `${separator}{${cells.join(',')}}`;
      separator = ',\n';
    }
    await write(text);
  }
  await write('\n]\n}\n');
}

function textOf(cell: Cell): string {
  if (cell === null) return '-';
  return typeof cell === 'string' ? cell : jsonOfCell(cell);
}

/** RFC 4180; nothing for null. */
function csvCell(cell: Cell): string {
  const text = cell === null ? '' : textOf(cell);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function renderSchema({ tables }: { readonly tables: readonly TableSchema[] }): string {
  return tables
    .map(({ name, meaning, columns }) => {
      const rows = columns.map((column) => [`  ${column.name}`, column.type, column.meaning]);
      return `${name}: ${meaning}\n${drawTable(rows, [])}`;
    })
    .join('\n');
}
