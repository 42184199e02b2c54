// SPDX-License-Identifier: Apache-2.0
import { type CountsResult, countsAnalysis } from '../../analysis/index.ts';
import { ExitCode } from '../../base/index.ts';
import type { CountsFigures } from '../analysis-results.ts';
import {
  ANALYSIS_OPTIONS,
  type AnalysisContext,
  reportOf,
  runPass,
  withAnalysis,
} from '../analysis-run.ts';
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
      return reportOf('counts', input, analysis, {}, countsFigures(counts, analysis));
    });
    await printResult(context, input, report, renderCounts);
    return ExitCode.ok;
  },
};

/** Instructions that ran, by mnemonic. */
function countsFigures(
  { executions, ...counts }: CountsResult,
  { shape, names }: AnalysisContext,
): CountsFigures {
  const byMnemonic = new Map<string, number>();
  for (let block = 0; block < shape.blockCount; block++) {
    const begin = shape.insnBase[block] ?? 0;
    const end = shape.insnBase[block + 1] ?? 0;
    for (let at = begin; at < end; at++) {
      const count = executions[at] ?? 0;
      if (count === 0) continue;
      const mnemonic = names.mnemonicOf(block, at - begin);
      byMnemonic.set(mnemonic, (byMnemonic.get(mnemonic) ?? 0) + count);
    }
  }
  return {
    ...counts,
    byMnemonic: [...byMnemonic]
      .map(([mnemonic, count]) => ({ mnemonic, executions: count }))
      .sort((a, b) => b.executions - a.executions || (a.mnemonic < b.mnemonic ? -1 : 1)),
  };
}
