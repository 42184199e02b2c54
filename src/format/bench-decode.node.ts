// SPDX-License-Identifier: Apache-2.0
// How fast a trace decodes on this machine: one thread, the columns that analyses use.

import { performance } from 'node:perf_hooks';
import type { ColumnName } from './access-batch.ts';
import { openTrace } from './open-trace.node.ts';

export interface DecodeBenchmark {
  readonly columns: readonly ColumnName[];
  readonly accesses: number;
  readonly runs: number;
  /** Wall time of the median run, opening the file not included. */
  readonly elapsedMs: number;
  readonly accessesPerSecond: number;
  readonly openMs: number;
}

const COLUMNS: readonly ColumnName[] = ['vaddr', 'pc', 'size', 'flags', 'icount'];

/** Decodes the whole trace `runs` times and gives the median. Throws what openTrace and accesses do. */
export async function benchDecode(
  path: string,
  runs: number,
  signal: AbortSignal,
): Promise<DecodeBenchmark> {
  const openedMs = performance.now();
  const trace = await openTrace(path);
  const openMs = performance.now() - openedMs;
  try {
    const elapsed: number[] = [];
    let accesses = 0;
    for (let run = 0; run < runs; run++) {
      const beginMs = performance.now();
      accesses = 0;
      for await (const batch of trace.accesses({ columns: COLUMNS, signal })) {
        accesses += batch.length;
      }
      elapsed.push(performance.now() - beginMs);
    }
    const elapsedMs = elapsed.sort((a, b) => a - b)[elapsed.length >> 1];
    return {
      columns: COLUMNS,
      accesses,
      runs,
      elapsedMs,
      accessesPerSecond: (accesses / elapsedMs) * 1000,
      openMs,
    };
  } finally {
    await trace.close();
  }
}
