// SPDX-License-Identifier: Apache-2.0
import {
  classifyStrides,
  confidentShare,
  createTopList,
  REGULAR_SHARE,
  type StrideSite,
  type StridesResult,
  stridesAnalysis,
} from '../../analysis/index.ts';
import { formatHex64 } from '../../base/index.ts';
import type { CodeNames } from '../../query/index.ts';
import { ANALYSIS_OPTIONS, printAnalysis, reportOf, runPass } from '../analysis-run.ts';
import { type CommandSpec, findCount } from '../command-spec.ts';
import { renderStrides } from '../render/strides.ts';
import type { StridesFigures } from '../strides-report.ts';

const DEFAULT_TOP = 20;

export const stridesCommand: CommandSpec = {
  details: `The stride is the difference between the addresses of an access and of the one before it by the same instruction
on the same vCPU, loads and stores apart. The same code at the same address is one instruction, in whichever of QEMU's
blocks it ran. It is regular when one stride makes up ${100 * REGULAR_SHARE} % of its steps: constant when that is 0. The four strides
that are seen most are counted; counts are exact when there are no more.`,
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

function stridesFigures(
  { accesses, noAddress, sites }: StridesResult,
  names: CodeNames,
  top: number,
): StridesFigures {
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
  const first = createTopList<StrideSite>(
    top,
    (site) => site.accesses,
    (a, b) => a.block - b.block || a.insn - b.insn || Number(a.store) - Number(b.store),
  );
  for (const site of sites) {
    const count = byClass[classifyStrides(site.steps, site.strides)];
    count.instructions++;
    count.accesses += site.accesses;
    first.offer(site);
  }
  return {
    accesses,
    noAddress,
    byClass,
    instructions: first.take().map(({ block, insn, store, strides, ...site }) => {
      const { lo, hi } = names.addressOf(block, insn);
      const most = strides[0]?.atLeast ?? 0;
      return {
        address: formatHex64(lo, hi),
        function: names.nameOf(block, insn),
        text: names.textOf(block, insn),
        kind: store ? 'store' : 'load',
        class: classifyStrides(site.steps, strides),
        accesses: site.accesses,
        steps: site.steps,
        strides,
        share: site.steps === 0 ? 0 : most / site.steps,
        confidence: confidentShare(most, site.steps),
      };
    }),
  };
}
