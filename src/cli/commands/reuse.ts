// SPDX-License-Identifier: Apache-2.0
import {
  chooseReuseAnalysis,
  type ReusedLine,
  type ReuseParameters,
  type ReuseSampling,
  requireReuseParameters,
} from '../../analysis/index.ts';
import { formatHex64, TraceError } from '../../base/index.ts';
import type { CodeNames } from '../../query/index.ts';
import { ANALYSIS_OPTIONS, printAnalysis, reportOf, runPass } from '../analysis-run.ts';
import {
  type CommandInput,
  type CommandSpec,
  findCount,
  findSize,
  findText,
  isOn,
} from '../command-spec.ts';
import { LINE_SIZE_OPTION } from '../geometry-options.ts';
import { renderReuse } from '../render/reuse.ts';
import type { NamedLine } from '../reuse-report.ts';
import { requireCapability } from '../trace-options.ts';

export const DEFAULT_REUSE: ReuseParameters = {
  lineBytes: 64,
  distanceThreshold: 100,
  usePhysical: false,
  sampling: undefined,
  reportTop: 10,
};

/** Lines take the memory, up to 700 MB: less is left for what waits. */
const LOOK_AHEAD_BYTES = 2 ** 25;

export const reuseCommand: CommandSpec = {
  details: `The distance of a reference is the number of other lines that were referenced since its line was last: 0 is the
same line again. A fully associative LRU cache of N lines misses what has a distance of N or more, and each line's
first reference (compulsory). An access references each line that it has a byte in; accesses to devices are left
out. Exact unless --sample-rate or --sample-lines says that only some lines are to be looked at, chosen by a
hash of their number (SHARDS), and the figures estimated from them. docs/reuse-sharing-strides.md has more.`,
  options: [
    LINE_SIZE_OPTION,
    {
      flags: '--reuse-distance-threshold <N>',
      description: 'references with a larger distance are distant; default: 100',
    },
    { flags: '--use-physical', description: 'lines of physical memory' },
    { flags: '--sample-rate <F>', description: 'look at this part of the lines: 0.01' },
    {
      flags: '--sample-lines <N>',
      description: 'look at so many lines at most, in constant memory',
    },
    { flags: '--report-top <N>', description: 'lines in each list; default: 10' },
    ...ANALYSIS_OPTIONS,
  ],
  examples: [
    'loadstore reuse boot.memtrace',
    'loadstore reuse boot.memtrace --sample-lines 8192 --json',
    'loadstore reuse boot.memtrace --cpl 3 --reuse-distance-threshold 512',
  ],
  run: async (input, context) => {
    const parameters = reuseParametersFrom(input);
    return printAnalysis(input, context, renderReuse, async (analysis) => {
      if (parameters.usePhysical) requireCapability(analysis.trace, 'paddr', '--use-physical');
      const pass = { ...analysis, lookAheadBytes: LOOK_AHEAD_BYTES };
      const [result] = await runPass(input, context, pass, [
        { analysis: chooseReuseAnalysis(parameters), parameters },
      ]);
      const names = parameters.usePhysical ? undefined : analysis.names;
      return reportOf('reuse', input, analysis, parameters, {
        ...result,
        topReferenced: result.topReferenced.map((line) => nameLine(line, names)),
        topDistant: result.topDistant.map((line) => nameLine(line, names)),
      });
    });
  },
};

/** Throws TraceError 'bad-argument'. */
function reuseParametersFrom(input: CommandInput): ReuseParameters {
  const parameters: ReuseParameters = {
    lineBytes: findSize(input, 'lineSize', '--line-size') ?? DEFAULT_REUSE.lineBytes,
    distanceThreshold:
      findCount(input, 'reuseDistanceThreshold', '--reuse-distance-threshold') ??
      DEFAULT_REUSE.distanceThreshold,
    usePhysical: isOn(input, 'usePhysical'),
    sampling: samplingFrom(input),
    reportTop: findCount(input, 'reportTop', '--report-top') ?? DEFAULT_REUSE.reportTop,
  };
  requireReuseParameters(parameters);
  return parameters;
}

function samplingFrom(input: CommandInput): ReuseSampling | undefined {
  const rate = findText(input, 'sampleRate');
  const lines = findCount(input, 'sampleLines', '--sample-lines');
  if (rate !== undefined && lines !== undefined) {
    throw new TraceError('bad-argument', '--sample-rate and --sample-lines exclude each other', {
      remedy: 'Give one: --sample-lines chooses the rate by itself.',
    });
  }
  if (lines !== undefined) return { kind: 'size', lines };
  return rate === undefined ? undefined : { kind: 'rate', rate: Number(rate) };
}

function nameLine(
  { addressLo, addressHi, references, distant }: ReusedLine,
  names: CodeNames | undefined,
): NamedLine {
  return {
    address: formatHex64(addressLo, addressHi),
    name: names?.namePlace(addressLo, addressHi) ?? null,
    references,
    distant,
  };
}
