// SPDX-License-Identifier: Apache-2.0
import { countsAnalysis } from '../../analysis/index.ts';
import { countsFigures } from '../../query/index.ts';
import { ANALYSIS_OPTIONS, printAnalysis, reportOf, runPass } from '../analysis-run.ts';
import type { CommandSpec } from '../command-spec.ts';
import { renderCounts } from '../render/counts.ts';

export const countsCommand: CommandSpec = {
  details: `Accesses of instructions that did not complete are not counted. --address chooses accesses, not
instructions; each other option chooses both. Between two icounts are exactly those instructions; between ordinals those of
the block executions whose first access is there.`,
  options: ANALYSIS_OPTIONS,
  examples: [
    'loadstore counts boot.memtrace',
    'loadstore counts boot.memtrace --cpl 3 --from icount:1G --json',
  ],
  run: async (input, context) => {
    return printAnalysis(input, context, renderCounts, async (analysis) => {
      const [counts] = await runPass(input, context, analysis, [
        { analysis: countsAnalysis, parameters: {} },
      ]);
      return reportOf(
        'counts',
        input,
        analysis,
        {},
        countsFigures(counts, analysis.shape, analysis.names),
      );
    });
  },
};
