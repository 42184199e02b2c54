// SPDX-License-Identifier: Apache-2.0
// Statements that want few rows of chunks of several batches, against the reference encoder's accesses. Scanning
// threads run what was built: `npm run build` before this.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { requireDefined } from '../base/index.ts';
import { openTrace } from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import { openTraceDatabase } from './database.ts';
import { type Cell, rowsOf } from './result-rows.ts';
import { BATCH_ROWS } from './row-buffers.ts';

it('finds the rows within bounds wherever they are in a chunk', async () => {
  const program = randomTrace({
    ...{ seed: 5, blockCount: 8, executions: 20_000, streams: 1, oddity: 0.01 },
  });
  const { bytes, seen } = encodeTrace({
    ...program,
    // A long chunk, then short ones.
    streams: program.streams.map((items) =>
      items.filter(({ type }, i) => type !== 'seal' || i > 16_000),
    ),
  });
  const folder = await mkdtemp(path.join(os.tmpdir(), 'wanted-'));
  const file = path.join(folder, 'a.memtrace');
  await writeFile(file, bytes);
  const trace = await openTrace(file);
  const database = await openTraceDatabase({
    trace,
    names: { functionsOf: () => [], instructionsOf: () => [] },
    threads: 1,
    workerUrl: new URL('../../dist/store/scan.worker.js', import.meta.url),
  });
  try {
    expect(Math.max(...trace.chunks.map(({ accessCount }) => accessCount))).toBeGreaterThan(
      2 * BATCH_ROWS,
    );
    const accesses = seen.accesses.filter(({ aborted, phys }) => !aborted && !phys);
    for (const part of [0.05, 0.3, 0.5, 0.7, 0.95]) {
      const { vaddr } = requireDefined(accesses[Math.floor(part * accesses.length)], 'is there');
      const found = await database.query(
        `select ordinal, pc::varchar, icount::varchar, size from accesses where vaddr between ${vaddr} and ${vaddr}`,
        async (result) => {
          const rows: (readonly Cell[])[] = [];
          for await (const some of rowsOf(result)) rows.push(...some);
          return rows;
        },
      );
      expect(found).toEqual(
        accesses
          .filter((access) => access.vaddr === vaddr)
          .map(({ ordinal, pc, icount, size }) => [
            BigInt(ordinal),
            String(pc),
            String(icount),
            size,
          ]),
      );
    }
  } finally {
    database.close();
    await trace.close();
    await rm(folder, { recursive: true });
  }
}, 60_000);
