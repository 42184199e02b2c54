// SPDX-License-Identifier: Apache-2.0
import { ExitCode } from '../../base/index.ts';
import { chooseQemu, type QemuProgram, requirePluginFile } from '../../capture/index.ts';
import { type ConformanceResult, KINDS, runConformance } from '../../conformance/index.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  findTexts,
  JSON_OPTION,
  printResult,
} from '../command-spec.ts';
import { withAbort } from '../interrupts.ts';
import { qemuSearchFrom } from '../qemu-search.ts';
import { renderConformance } from '../render/conformance.ts';
import { statusLine } from '../status-line.ts';

export const conformanceCommand: CommandSpec = {
  details: `Records small guests, each access of which is written down beside its instruction from the processor's manual, and
compares. A case is observed, reconstructed (QEMU reports it not, the recorder works it out), missing for a
reason that is known, or not applicable to this QEMU. What contradicts what was written down is missing and
unexplained, and makes the exit code 1. docs/conformance.md tells how cases are written.
Guests are guests/*.asm, ids of cases are in docs/completeness.md, kinds of access are ${Object.keys(KINDS).join(', ')}.`,
  options: [
    {
      flags: '--qemu <PATH...>',
      description:
        'the qemu-system-x86_64 to use, or several; default: LOADSTORE_QEMU, else the best one found',
    },
    JSON_OPTION,
  ],
  examples: [
    'loadstore conformance',
    'loadstore conformance plain rep',
    'loadstore conformance fxsave self-modifying',
    'loadstore conformance --qemu /usr/bin/qemu-system-x86_64 ~/qemu/build/qemu-system-x86_64 --json',
  ],
  exitCodes: ['0    every case is as it is declared', '1    one is not'],
  run: async (input: CommandInput, context: CliContext): Promise<ExitCode> => {
    const pluginFile = requirePluginFile(context.env['LOADSTORE_PLUGIN']);
    const qemus = await chooseQemus(input, context);
    const line = statusLine(context);
    const result: ConformanceResult = await withAbort(async (signal) =>
      runConformance({
        ...{ qemus, pluginFile, signal },
        ...(input.words.length === 0 ? {} : { only: input.words }),
        onProgress: (done, all, now) => {
          line.showPart(done / all, now);
        },
      }).finally(() => {
        line.clear();
      }),
    );
    await printResult(context, input, result, renderConformance);
    const isGood = result.unexplained === 0 && result.problems.length === 0;
    return isGood ? ExitCode.ok : ExitCode.negative;
  },
};

async function chooseQemus(input: CommandInput, context: CliContext): Promise<QemuProgram[]> {
  const search = qemuSearchFrom(input, context);
  const named = findTexts(input, 'qemu');
  if (named.length === 0) return [await chooseQemu(search)];
  const chosen: QemuProgram[] = [];
  for (const path of named) chosen.push(await chooseQemu({ ...search, named: path }));
  return chosen;
}
