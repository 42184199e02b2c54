// SPDX-License-Identifier: Apache-2.0
// An instance of DuckDB that reads a trace: its limits, what the table of accesses needs, its errors in words.

import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { type UserError, writeFailure } from '../base/index.ts';
import type { CapabilityName, Trace } from '../format/index.ts';
import { type FunctionNumbers, numberFunctions } from './function-words.ts';
import { accessColumns, type ScanColumn } from './scan-columns.ts';
import type { DatabaseNames } from './tables.ts';

export interface DuckDBOptions {
  /** DuckDB's own. */
  readonly threads: number;
  /** Statements may read and write files. */
  readonly files: boolean;
  /** Bytes that DuckDB may take before it writes to temporary files. Default 1 GiB. */
  readonly memoryBytes?: number | undefined;
}

export interface DuckDB {
  readonly connection: DuckDBConnection;
  close(): void;
}

const DEFAULT_MEMORY_BYTES = 2 ** 30;

export async function openDuckDB({ threads, files, memoryBytes }: DuckDBOptions): Promise<DuckDB> {
  const scratch = path.join(os.tmpdir(), `loadstore-sql-${randomUUID()}`);
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(threads),
    memory_limit: `${memoryBytes ?? DEFAULT_MEMORY_BYTES}B`,
    temp_directory: scratch, // DuckDB makes it when it needs it; statements may always read there
    enable_external_access: String(files),
  });
  const connection = await instance.connect();
  return {
    connection,
    close() {
      connection.closeSync();
      instance.closeSync();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

/** The columns that this trace has, and what the column `function` has for its code. */
export function columnsOfTrace(
  trace: Trace,
  names: Pick<DatabaseNames, 'functionsOf'>,
): { readonly columns: readonly ScanColumn[]; readonly functions: FunctionNumbers } {
  const { words, functions } = numberFunctions(trace, names);
  const columns = accessColumns(words).filter(({ name }) => whyLacking(trace, name) === undefined);
  return { columns, functions };
}

/** What columns, and views of them, are of: not every trace has it. */
const NEEDS: ReadonlyMap<string, CapabilityName> = new Map([
  ['paddr', 'paddr'],
  ['cr3', 'address-space'],
  ['address_spaces', 'address-space'],
]);

/** Why the trace cannot have the column or view of that name; undefined when it can. */
export function whyLacking(
  { capabilities }: Pick<Trace, 'capabilities'>,
  name: string,
): string | undefined {
  const needed = NEEDS.get(name);
  if (needed === undefined || capabilities[needed].status !== 'no') return undefined;
  return capabilities[needed].why;
}

/** DuckDB's message without the excerpt of the statement, which spans lines. */
export function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n\n')[0]?.replaceAll('\n', ' ') ?? text;
}

/** A file that DuckDB, or the file system afterwards, cannot write. */
export function writeError(file: string, cause: unknown): UserError {
  return isSystemError(cause)
    ? writeFailure(file, cause, '-o')
    : writeFailure(file, cause, '-o', reasonOf(wordsOf(cause)));
}

/** 'IO Error: Could not write file "x": No space left on device': what the system said, in its words. */
function reasonOf(words: string): string {
  const reason = /": (.+)$/.exec(words)?.[1] ?? words.replace(/^IO Error: /, '');
  return `${reason.charAt(0).toLowerCase()}${reason.slice(1)}`;
}

/** The file system refused, for want of room or permission. */
export function isFileError(error: unknown): error is Error {
  return error instanceof Error && (error.message.startsWith('IO Error') || isSystemError(error));
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
