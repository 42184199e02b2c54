// SPDX-License-Identifier: Apache-2.0
// What "bench analyse" measures beside analyses: a trace as Parquet, and all accesses of one page by SQL.

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { shapeOfTrace } from '../engine/index.ts';
import type { Trace } from '../format/index.ts';
import { openTraceDatabase, writeParquetFolder } from '../store/index.ts';

const NAMES = { functionsOf: () => [], instructionsOf: () => [] };
const PAGE_SHIFT = 12n;
/** Accesses in the middle of the trace, among which a page is chosen. */
const SAMPLE_ACCESSES = 100_000;

export interface StoreWork {
  /** What needs no measuring; gives what is measured. */
  prepare(trace: Trace): Promise<(threads: number) => Promise<unknown>>;
}

/** By name, as BENCHED_ANALYSES. */
export const BENCHED_STORE: Readonly<Record<string, StoreWork>> = {
  'export-parquet': {
    prepare: async (trace) => Promise.resolve(async (threads) => exportOnce(trace, threads)),
  },
  'query-page': {
    async prepare(trace) {
      const page = await busyPage(trace);
      return async (threads) => queryPage(trace, page, threads);
    },
  },
};

async function exportOnce(trace: Trace, threads: number): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'loadstore-bench-'));
  try {
    const shape = shapeOfTrace(trace);
    await writeParquetFolder({ trace, shape, selection: {}, names: NAMES, folder, threads });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function queryPage(trace: Trace, page: bigint, threads: number): Promise<void> {
  const database = await openTraceDatabase({ trace, names: NAMES, threads });
  try {
    const begin = page << PAGE_SHIFT;
    const end = begin + (1n << PAGE_SHIFT) - 1n;
    await database.query(
      `select kind, size, count(*), min(icount), max(icount) from accesses
       where vaddr between ${begin} and ${end} group by all`,
      async (result) => result.getRows(),
    );
  } finally {
    database.close();
  }
}

/** The page with the most of some accesses in the middle. */
async function busyPage(trace: Trace): Promise<bigint> {
  const [first] = trace.chunks;
  const stream = first?.stream ?? 0;
  const own = trace.chunks.filter((chunk) => chunk.stream === stream);
  const middle = own[own.length >> 1];
  const from = middle?.firstOrdinal ?? 0;
  const counts = new Map<bigint, number>();
  const range = { stream, from, to: from + SAMPLE_ACCESSES };
  for await (const { vaddr } of trace.accesses({ columns: ['vaddr'], ...range })) {
    for (const address of vaddr) {
      const page = address >> PAGE_SHIFT;
      counts.set(page, (counts.get(page) ?? 0) + 1);
    }
  }
  let busiest = 0n;
  let most = 0;
  for (const [page, count] of counts) {
    if (count > most) [busiest, most] = [page, count];
  }
  return busiest;
}
