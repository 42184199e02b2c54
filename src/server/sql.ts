// SPDX-License-Identifier: Apache-2.0
// SQL from the page: one SELECT, without access to any file.

import type { Cell, DatabaseNames, DatabaseOptions } from '../store/index.ts';
import { readAddressSpaces } from './guest-facts.ts';
import type { SqlReply } from './protocol.ts';
import type { Session } from './session.ts';
import { withRoom } from './with-room.ts';

/** Throws TraceError 'bad-argument' for what is not one SELECT, and as the trace does. */
export type AskSql = (statement: string, limit: number, signal: AbortSignal) => Promise<SqlReply>;

/** Of memory what is left beside all else that is asked of the server. */
const LIMITS = { files: false, memoryBytes: 64 * 2 ** 20, lookAheadRows: 2 ** 17 };

/** A database for each statement: an open one keeps some 100 MB, and opening takes a fraction of what reading does. */
export function createAskSql(
  { trace, symbols, guestFacts, jobs, workers, chunks }: Session,
  names: DatabaseNames,
): AskSql {
  const threads = Math.max(1, workers);
  return async (statement, limit, signal) =>
    jobs.run('sql', signal, async (onProgress) => {
      // DuckDB is loaded by who asks it something.
      const { columnsOf, jsonOfCell, openTraceDatabase, rowsOf } = await import(
        '../store/index.ts'
      );
      const read = async (result: Parameters<typeof columnsOf>[0]): Promise<SqlReply> => {
        const columns = columnsOf(result).map(({ name }) => name);
        const rows: SqlReply['rows'][number][] = [];
        for await (const part of rowsOf(result)) {
          for (const row of part) {
            if (rows.length === limit) return { columns, rows, cut: true };
            rows.push(row.map((cell) => plainCell(cell, jsonOfCell)));
          }
        }
        return { columns, rows, cut: false };
      };
      return withRoom(chunks, async () => {
        const findSpaces: DatabaseOptions['findSpaces'] = async (aborted) =>
          guestFacts.findAddressSpaces() ??
          readAddressSpaces(trace, symbols, { workers: threads, signal: aborted, onProgress });
        const options = { trace, names, findSpaces, threads, ...LIMITS };
        const database = await openTraceDatabase(options);
        try {
          return await database.query(statement, read, { signal, onProgress });
        } finally {
          database.close();
        }
      });
    });
}

type PlainCell = SqlReply['rows'][number][number];

/** Integers that JavaScript would round are text, and so are decimals, lists and structures. */
function plainCell(cell: Cell, textOf: (cell: Cell) => string): PlainCell {
  if (typeof cell === 'bigint') {
    return Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell);
  }
  return typeof cell === 'object' && cell !== null ? textOf(cell) : cell;
}
