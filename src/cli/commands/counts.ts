// SPDX-License-Identifier: Apache-2.0
import { countsAnalysis } from '../../analysis/index.ts';
import { ExitCode } from '../../base/index.ts';
import { countsFigures } from '../../query/index.ts';
import { ANALYSIS_OPTIONS, reportOf, runPass, withAnalysis } from '../analysis-run.ts';
import { type CommandSpec, printResult } from '../command-spec.ts';
import { renderCounts } from '../render/counts.ts';

export const countsCommand: CommandSpec = {
  name: 'counts',
  summary: 'how many accesses of which kind, and the mix of instructions',
  details: `Accesses of instructions that did not complete are not counted. --address chooses accesses, not
instructions; each other option chooses both.`,
  arguments: [{ name: 'file', description: 'a trace', required: true }],
  options: ANALYSIS_OPTIONS,
  examples: [
    'loadstore counts boot.memtrace',
    'loadstore counts boot.memtrace --cpl 3 --from icount:1G --json',
  ],
  run: async (input, context) => {
    const report = await withAnalysis(input, context, async (analysis) => {
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
    await printResult(context, input, report, renderCounts);
    return ExitCode.ok;
  },
};
