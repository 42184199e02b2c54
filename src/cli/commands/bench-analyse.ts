// SPDX-License-Identifier: Apache-2.0
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ExitCode, TraceError, UserError } from '../../base/index.ts';
import { openTrace } from '../../format/index.ts';
import type { AnalysisFigures, BenchAnalyseResult } from '../analysis-results.ts';
import { BENCHED_ANALYSES, type Measurement, type MeasureOrder } from '../bench-analyses.ts';
import { SAVE_OPTION, saveBenchResult } from '../bench-results.ts';
import { BENCHED_STORE } from '../bench-store.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  findCount,
  findText,
  isOn,
  JSON_OPTION,
  printResult,
  wordAt,
} from '../command-spec.ts';
import { describeMachine } from '../machine.ts';
import { renderBenchAnalyse } from '../render/bench.ts';

const DEFAULT_RUNS = 3;
const BENCHED = [...Object.keys(BENCHED_ANALYSES), ...Object.keys(BENCHED_STORE)];

export const benchAnalyseCommand: CommandSpec = {
  details: `Each run is a process of its own; all analyses take turns, with one thread and with two, and medians count. To open
the file, and to start the second thread meanwhile, is not measured. export-parquet writes the whole trace to a temporary
folder; query-page asks for all accesses of a busy page by SQL, and its accesses are those of the whole trace. Threads are
those that decode: DuckDB has one more for the query, and as many more for the export, which write a file each. Keep the
machine quiet meanwhile.`,
  options: [
    { flags: '--runs <N>', description: `runs of each; default: ${DEFAULT_RUNS}` },
    {
      flags: '--analyses <LIST>',
      description: `which, with commas; default: ${BENCHED.join(',')}`,
    },
    SAVE_OPTION,
    JSON_OPTION,
  ],
  examples: [
    'loadstore bench analyse boot.memtrace',
    'loadstore bench analyse boot.memtrace --analyses counts,hot --runs 5 --json',
  ],
  run: async (input, context) => {
    const result = await benchAnalyses(input, context);
    await printResult(context, input, result, renderBenchAnalyse);
    if (isOn(input, 'save')) {
      await saveBenchResult(result, `node-${process.versions.node}`, context);
    }
    return ExitCode.ok;
  },
};

interface Measured {
  readonly name: string;
  readonly one: Measurement[];
  readonly two: Measurement[];
}

async function benchAnalyses(
  input: CommandInput,
  context: CliContext,
): Promise<BenchAnalyseResult> {
  const env = { ...context.env, ...context.mallocSettings };
  const file = wordAt(input, 0);
  const names = namesFrom(findText(input, 'analyses'));
  const runs = Math.max(1, findCount(input, 'runs', '--runs') ?? DEFAULT_RUNS);
  const trace = await openTrace(file);
  const { loads, stores } = trace.summary();
  await trace.close();
  const accesses = loads + stores;
  const measured = names.map((name): Measured => ({ name, one: [], two: [] }));
  for (let run = 0; run < runs; run++) {
    for (const { name, one, two } of measured) {
      one.push(await measureIn({ file, name, workers: 0 }, env));
      two.push(await measureIn({ file, name, workers: 2 }, env));
    }
  }
  return {
    benchmark: 'analyse',
    date: new Date().toISOString(),
    machine: describeMachine(),
    accesses,
    runs,
    analyses: Object.fromEntries(
      measured.map(({ name, one, two }) => {
        const oneMs = median(one.map(({ elapsedMs }) => elapsedMs));
        const twoMs = median(two.map(({ elapsedMs }) => elapsedMs));
        const cpuMs = median(one.map((each) => each.cpuMs));
        const figures: AnalysisFigures = {
          accessesPerSecond: (accesses / oneMs) * 1000,
          accessesPerCpuSecond: (accesses / cpuMs) * 1000,
          scalingTwoWorkers: oneMs / twoMs,
          peakBytes: Math.max(...[...one, ...two].map(({ peakBytes }) => peakBytes)),
        };
        return [name, figures];
      }),
    ),
  };
}

function namesFrom(list: string | undefined): readonly string[] {
  if (list === undefined) return BENCHED;
  const names = list.split(',');
  const unknown = names.find((name) => !BENCHED.includes(name));
  if (unknown === undefined) return names;
  throw new TraceError('bad-argument', '--analyses names one that is not known', {
    expected: BENCHED.join(', '),
    found: unknown,
  });
}

async function measureIn(order: MeasureOrder, env: NodeJS.ProcessEnv): Promise<Measurement> {
  const program = new URL('../measure-analysis.worker.js', import.meta.url);
  const child = fork(fileURLToPath(program), { env });
  const ended = once(child, 'exit');
  child.send(order);
  let measurement: unknown;
  child.on('message', (message) => {
    measurement = message;
  });
  await ended;
  if (isMeasurement(measurement)) return measurement;
  throw new UserError(ExitCode.environment, `measuring ${order.name} failed; see above`);
}

function isMeasurement(value: unknown): value is Measurement {
  return (
    typeof value === 'object' && value !== null && 'elapsedMs' in value && 'peakBytes' in value
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
