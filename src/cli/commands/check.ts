// SPDX-License-Identifier: Apache-2.0
import { ExitCode } from '../../base/index.ts';
import { type CheckResult, checkTrace, repairTrace } from '../../format/index.ts';
import { type CommandSpec, findText, JSON_OPTION, printResult, wordAt } from '../command-spec.ts';
import { withAbort } from '../interrupts.ts';
import { renderCheck } from '../render/check.ts';
import { drawBar, statusLine } from '../status-line.ts';

export const checkCommand: CommandSpec = {
  name: 'check',
  summary: 'read a whole trace: checksums, counts, invariants',
  details: `Decodes every chunk and compares what comes out with what recording counted. With --repair what is good is
written to a new file, which is whole up to where the old one was cut or damaged.`,
  arguments: [{ name: 'file', description: 'a trace', required: true }],
  options: [
    {
      flags: '--repair <OUT>',
      description: 'write what is good to this file, which must not exist',
    },
    JSON_OPTION,
  ],
  examples: [
    'loadstore check boot.memtrace',
    'loadstore check cut.memtrace --repair whole.memtrace',
  ],
  exitCodes: [
    '0    the trace is good',
    '1    it was cut or is damaged; the problems are listed',
    '3    it is not a trace, or one of a newer format',
  ],
  run: async (input, context) => {
    const file = wordAt(input, 0);
    const line = statusLine(context);
    return withAbort(async (signal) => {
      const checked = await checkTrace(file, {
        signal,
        onProgress: (doneBytes, fileBytes) => {
          line.show(drawBar(doneBytes / fileBytes, `checking ${file}`));
        },
      }).finally(() => {
        line.clear();
      });
      const output = findText(input, 'repair');
      const repaired =
        output === undefined ? null : { file: output, ...(await repairTrace(file, output)) };
      await printResult(context, input, { file, ...checked, repaired }, renderCheck);
      return exitCodeOf(checked);
    });
  },
};

function exitCodeOf({ ok, problems }: CheckResult): ExitCode {
  if (ok) return ExitCode.ok;
  const isForeign = problems.some(({ kind }) => kind === 'not-a-trace' || kind === 'newer-format');
  return isForeign ? ExitCode.badTrace : ExitCode.negative;
}
