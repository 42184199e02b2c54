// SPDX-License-Identifier: Apache-2.0
import {
  classifyStrides,
  confidentShare,
  REGULAR_SHARE,
  type StrideClass,
  type StridesResult,
  sortStrides,
  stridesAnalysis,
} from '../../analysis/index.ts';
import { formatHex64 } from '../../base/index.ts';
import type { CodeNames } from '../../query/index.ts';
import { ANALYSIS_OPTIONS, printAnalysis, reportOf, runPass } from '../analysis-run.ts';
import { type CommandSpec, findCount } from '../command-spec.ts';
import { renderStrides } from '../render/strides.ts';
import type { ClassCount, StridesFigures } from '../strides-report.ts';

const DEFAULT_TOP = 20;

export const stridesCommand: CommandSpec = {
  details: `The stride is the difference between the addresses of an access and of the one before it by the same instruction
on the same vCPU, loads and stores apart. An instruction is regular when one stride makes up ${100 * REGULAR_SHARE} % of its steps: constant
when that is 0. The four strides that are seen most are counted; counts are exact when there are no more.`,
  options: [
    { flags: '--report-top <N>', description: `instructions shown; default: ${DEFAULT_TOP}` },
    ...ANALYSIS_OPTIONS,
  ],
  examples: [
    'loadstore strides boot.memtrace',
    'loadstore strides boot.memtrace --function "*memcpy*" --json',
  ],
  run: async (input, context) => {
    return printAnalysis(input, context, renderStrides, async (analysis) => {
      const reportTop = findCount(input, 'reportTop', '--report-top') ?? DEFAULT_TOP;
      const [result] = await runPass(input, context, analysis, [
        { analysis: stridesAnalysis, parameters: {} },
      ]);
      const figures = stridesFigures(result, analysis.names, reportTop);
      return reportOf(
        'strides',
        input,
        analysis,
        { regularShare: REGULAR_SHARE, reportTop },
        figures,
      );
    });
  },
};

interface Place {
  readonly block: number;
  readonly insn: number;
  readonly store: boolean;
  accesses: number;
  steps: number;
  readonly atLeast: Map<number, number>;
}

function stridesFigures(
  { accesses, noAddress, sites }: StridesResult,
  names: CodeNames,
  top: number,
): StridesFigures {
  // Code that was translated several times is in several blocks.
  const places = new Map<string, Place>();
  for (const { block, insn, store, ...site } of sites) {
    const { lo, hi } = names.addressOf(block, insn);
    const key = `${formatHex64(lo, hi)} ${store} ${names.textOf(block, insn)}`;
    const place = places.get(key) ?? {
      ...{ block, insn, store, accesses: 0, steps: 0, atLeast: new Map<number, number>() },
    };
    places.set(key, place);
    place.accesses += site.accesses;
    place.steps += site.steps;
    for (const { stride, atLeast } of site.strides) {
      place.atLeast.set(stride, (place.atLeast.get(stride) ?? 0) + atLeast);
    }
  }
  const counted = [...places.values()].map((place) => {
    const strides = sortStrides(place.atLeast);
    return { ...place, strides, class: classifyStrides(place.steps, strides) };
  });
  const countOf = (wanted: StrideClass): ClassCount => {
    const own = counted.filter((one) => one.class === wanted);
    return {
      instructions: own.length,
      accesses: own.reduce((sum, one) => sum + one.accesses, 0),
    };
  };
  return {
    accesses,
    noAddress,
    byClass: {
      constant: countOf('constant'),
      stride: countOf('stride'),
      irregular: countOf('irregular'),
      once: countOf('once'),
    },
    instructions: counted
      .toSorted((a, b) => b.accesses - a.accesses)
      .slice(0, top)
      .map(({ block, insn, store, strides, ...place }) => {
        const { lo, hi } = names.addressOf(block, insn);
        const most = strides[0]?.atLeast ?? 0;
        return {
          address: formatHex64(lo, hi),
          function: names.nameOf(block, insn),
          text: names.textOf(block, insn),
          kind: store ? 'store' : 'load',
          class: place.class,
          accesses: place.accesses,
          steps: place.steps,
          strides,
          share: place.steps === 0 ? 0 : most / place.steps,
          confidence: confidentShare(most, place.steps),
        };
      }),
  };
}
