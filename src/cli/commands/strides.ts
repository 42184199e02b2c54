// SPDX-License-Identifier: Apache-2.0
import {
  classifyStrides,
  confidentShare,
  createTopList,
  REGULAR_SHARE,
  type StrideCount,
  type StridesResult,
  sortStrides,
  stridesAnalysis,
} from '../../analysis/index.ts';
import { formatHex64 } from '../../base/index.ts';
import type { CodeTable } from '../../format/index.ts';
import { type CodeNames, createInstructionTable } from '../../query/index.ts';
import { ANALYSIS_OPTIONS, printAnalysis, reportOf, runPass } from '../analysis-run.ts';
import { type CommandSpec, findCount } from '../command-spec.ts';
import { renderStrides } from '../render/strides.ts';
import type { StridesFigures } from '../strides-report.ts';

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
      const figures = stridesFigures(result, analysis.trace.code, analysis.names, reportTop);
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
  strides: readonly StrideCount[];
}

function addStrides(a: readonly StrideCount[], b: readonly StrideCount[]): readonly StrideCount[] {
  const sum = new Map(a.map(({ stride, atLeast }) => [stride, atLeast]));
  for (const { stride, atLeast } of b) sum.set(stride, (sum.get(stride) ?? 0) + atLeast);
  return sortStrides(sum);
}

function stridesFigures(
  { accesses, noAddress, sites }: StridesResult,
  code: CodeTable,
  names: CodeNames,
  top: number,
): StridesFigures {
  // Code that was translated several times is in several blocks.
  const table = createInstructionTable(code);
  /** Loads of instruction n of the table at 2n, stores at 2n + 1. */
  const places: (Place | undefined)[] = [];
  for (const { block, insn, store, ...site } of sites) {
    const at = 2 * table.numberOf(block, insn) + Number(store);
    const place = places[at];
    if (place === undefined) {
      places[at] = { block, insn, store, ...site };
      continue;
    }
    place.accesses += site.accesses;
    place.steps += site.steps;
    place.strides = addStrides(place.strides, site.strides);
  }
  const nothing = (): { instructions: number; accesses: number } => ({
    instructions: 0,
    accesses: 0,
  });
  const byClass = {
    constant: nothing(),
    stride: nothing(),
    irregular: nothing(),
    once: nothing(),
  };
  const first = createTopList<Place>(
    top,
    (place) => place.accesses,
    (a, b) => a.block - b.block || a.insn - b.insn || Number(a.store) - Number(b.store),
  );
  for (const place of places) {
    if (place === undefined) continue;
    const count = byClass[classifyStrides(place.steps, place.strides)];
    count.instructions++;
    count.accesses += place.accesses;
    first.offer(place);
  }
  return {
    accesses,
    noAddress,
    byClass,
    instructions: first.take().map(({ block, insn, store, strides, ...place }) => {
      const { lo, hi } = names.addressOf(block, insn);
      const most = strides[0]?.atLeast ?? 0;
      return {
        address: formatHex64(lo, hi),
        function: names.nameOf(block, insn),
        text: names.textOf(block, insn),
        kind: store ? 'store' : 'load',
        class: classifyStrides(place.steps, strides),
        accesses: place.accesses,
        steps: place.steps,
        strides,
        share: place.steps === 0 ? 0 : most / place.steps,
        confidence: confidentShare(most, place.steps),
      };
    }),
  };
}
