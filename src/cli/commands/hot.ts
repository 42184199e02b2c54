// SPDX-License-Identifier: Apache-2.0
import { hotAnalysis } from '../../analysis/index.ts';
import { hotFigures, hotParameters } from '../../query/index.ts';
import { ANALYSIS_OPTIONS, printAnalysis, reportOf, runPass } from '../analysis-run.ts';
import { type CommandSpec, findCount } from '../command-spec.ts';
import { LINE_SIZE_OPTION, PAGE_SIZE_OPTION, unitShiftsFrom } from '../geometry-options.ts';
import { renderHot } from '../render/hot.ts';

const DEFAULT_TOP = 10;

export const hotCommand: CommandSpec = {
  details: `An access counts at its first byte. Lines are those of virtual memory; when there are more than
memory takes they become coarser, and the size says so.`,
  options: [
    { flags: '--report-top <N>', description: `rows of each table; default: ${DEFAULT_TOP}` },
    LINE_SIZE_OPTION,
    PAGE_SIZE_OPTION,
    ...ANALYSIS_OPTIONS,
  ],
  examples: [
    'loadstore hot boot.memtrace',
    'loadstore hot boot.memtrace --function "*alloc*" --report-top 20',
  ],
  run: async (input, context) => {
    return printAnalysis(input, context, renderHot, async (analysis) => {
      const { lineShift, pageShift } = unitShiftsFrom(input);
      const top = findCount(input, 'reportTop', '--report-top') ?? DEFAULT_TOP;
      const parameters = hotParameters(lineShift, pageShift, top);
      const [hot] = await runPass(input, context, analysis, [
        { analysis: hotAnalysis, parameters },
      ]);
      const said = { lineBytes: 2 ** lineShift, pageBytes: 2 ** pageShift, reportTop: top };
      const figures = hotFigures(hot, analysis.shape, analysis.names, top);
      return reportOf('hot', input, analysis, said, figures);
    });
  },
};
