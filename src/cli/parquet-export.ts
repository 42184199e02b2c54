// SPDX-License-Identifier: Apache-2.0
// The format parquet: written by DuckDB, which only the store knows.

import { type ExportCounts, emptyExportError, type FormatDescription } from '../export/index.ts';
import { type ParquetFolderRequest, type RunOptions, writeParquetFolder } from '../store/index.ts';
import type { ClaimedOutput } from './export-output.ts';

export const PARQUET_FORMAT: FormatDescription = {
  name: 'parquet',
  readBy: 'DuckDB, Spark, Trino, ClickHouse, pyarrow',
  output: 'partitions',
  isOneVcpu: false,
  record: 'a row: an access',
  units:
    'signed integers, since Spark and Trino do not prune by unsigned ones: an address from 2^63 on is negative, with the same 64 bits; icount in instructions of the vCPU; bytes',
  keeps:
    'everything that is known of an access, in order: ordinal, stream, vcpu (the name of the folder), icount, pc, vaddr, paddr, size, kind, origin, cpl, cr3, device, block, insn; function, when symbols are known. Row groups of 262,144 rows have the least and the largest value of each column',
  loses: 'instructions that access nothing, instruction bytes, events',
  losses: ['aborted'],
  use: 'duckdb -c "select count(*) from read_parquet(\'OUT/*/*.parquet\', hive_partitioning = true)"',
  needs: [],
};

/**
 * Writes the folder: whole, or there is none. Throws as writeParquetFolder() does, and TraceError
 * 'empty-selection' for one without an access.
 */
export async function exportParquet(
  request: Omit<ParquetFolderRequest, 'folder'>,
  output: ClaimedOutput,
  run: RunOptions,
): Promise<ExportCounts & { readonly bytes: number }> {
  try {
    const { rows, bytes, aborted } = await writeParquetFolder(
      { ...request, folder: output.partial },
      run,
    );
    const lost = { aborted };
    if (rows === 0) throw emptyExportError(lost);
    await output.publish();
    return { records: rows, bytes, lost, covered: null };
  } catch (error) {
    await output.discard();
    throw error;
  }
}
