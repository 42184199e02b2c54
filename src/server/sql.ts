// SPDX-License-Identifier: Apache-2.0
// SQL from the page: one SELECT, without access to any file.

import {
  type Cell,
  columnsOf,
  type DatabaseNames,
  openTraceDatabase,
  rowsOf,
  type TraceDatabase,
} from '../store/index.ts';
import type { SqlReply } from './protocol.ts';
import type { Session } from './session.ts';

export interface SqlAnswers {
  /** Throws TraceError 'bad-argument' for what is not one SELECT, and as the trace does. */
  ask(statement: string, limit: number, signal: AbortSignal): Promise<SqlReply>;
  close(): Promise<void>;
}

const MEMORY_BYTES = 128 * 2 ** 20;

export function createSqlAnswers(
  { trace, jobs, workers }: Session,
  names: DatabaseNames,
): SqlAnswers {
  // Opened when it is first asked: its tables name every block of code.
  let database: Promise<TraceDatabase> | undefined;
  const open = async (): Promise<TraceDatabase> => {
    database ??= openTraceDatabase({
      ...{ trace, names, files: false, memoryBytes: MEMORY_BYTES },
      threads: Math.max(1, workers),
    });
    // One that failed, with a disk that was full, say, is not kept.
    database.catch(() => {
      database = undefined;
    });
    return database;
  };
  return {
    ask: async (statement, limit, signal) =>
      jobs.run('sql', signal, async (onProgress) => {
        const opened = await open();
        const read = async (result: Parameters<typeof columnsOf>[0]): Promise<SqlReply> => {
          const columns = columnsOf(result).map(({ name }) => name);
          const rows: SqlReply['rows'][number][] = [];
          for await (const part of rowsOf(result)) {
            for (const row of part) {
              if (rows.length === limit) return { columns, rows, cut: true };
              rows.push(row.map(plainCell));
            }
          }
          return { columns, rows, cut: false };
        };
        return opened.query(statement, read, { signal, onProgress });
      }),
    async close() {
      const opened = await database?.catch(() => undefined);
      opened?.close();
    },
  };
}

/** Lists and structures as text. */
function plainCell(cell: Cell): string | number | boolean | null {
  return typeof cell === 'object' && cell !== null ? JSON.stringify(cell) : cell;
}
