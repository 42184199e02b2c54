// SPDX-License-Identifier: Apache-2.0
// A process that runs one analysis, or what else is measured, once, so that its memory is its own: see commands/bench-analyse.ts.

import { requireDefined } from '../base/index.ts';
import { analyse, prepareThreads } from '../engine/index.ts';
import { openTrace, type Trace } from '../format/index.ts';
import { BENCHED_ANALYSES, type Measurement, type MeasureOrder } from './bench-analyses.ts';
import { BENCHED_STORE } from './bench-store.ts';

async function measure({ file, name, workers }: MeasureOrder): Promise<Measurement> {
  if (BENCHED_STORE[name] === undefined) prepareThreads(workers);
  const trace = await openTrace(file);
  try {
    const work = await prepare(trace, name);
    const cpu = process.cpuUsage();
    const beginMs = performance.now();
    await work(workers);
    const elapsedMs = performance.now() - beginMs;
    const { user, system } = process.cpuUsage(cpu);
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    return { elapsedMs, cpuMs: (user + system) / 1000, peakBytes };
  } finally {
    await trace.close();
  }
}

async function prepare(trace: Trace, name: string): Promise<(workers: number) => Promise<unknown>> {
  const store = BENCHED_STORE[name];
  if (store !== undefined) {
    const work = await store.prepare(trace);
    return async (workers) => work(Math.max(1, workers));
  }
  const request = requireDefined(BENCHED_ANALYSES[name], 'the command has looked')(trace);
  return async (workers) => analyse(trace, [request], { workers });
}

process.once('message', (order: MeasureOrder) => {
  void measure(order).then(
    (measurement) => process.send?.(measurement, () => process.disconnect()),
    (error: unknown) => {
      process.stderr.write(
        `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      );
      process.exit(1);
    },
  );
});
