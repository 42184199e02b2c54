// SPDX-License-Identifier: Apache-2.0
import { ExitCode } from '../../base/index.ts';
import { type DoctorResult, examineMachine, findPluginFile } from '../../capture/index.ts';
import { readTraceFacts } from '../../query/index.ts';
import {
  type CliContext,
  type CommandInput,
  type CommandSpec,
  JSON_OPTION,
  printResult,
  QEMU_OPTION,
} from '../command-spec.ts';
import { qemuSearchFrom } from '../qemu-search.ts';
import { renderDoctor } from '../render/doctor.ts';

export const doctorCommand: CommandSpec = {
  details: `Looks in PATH, in LOADSTORE_QEMU and in the cache folder, and records the first instructions of the firmware
with each QEMU: the table is what a trace made with it says of itself.`,
  options: [QEMU_OPTION, JSON_OPTION],
  examples: ['loadstore doctor', 'loadstore doctor --qemu /opt/qemu/bin/qemu-system-x86_64 --json'],
  exitCodes: [
    '0    there is a QEMU that records',
    '1    there is none; the last line says what to do',
  ],
  run: async (input: CommandInput, context: CliContext): Promise<ExitCode> => {
    const result: DoctorResult = await examineMachine({
      search: qemuSearchFrom(input, context),
      pluginFile: findPluginFile(context.env['LOADSTORE_PLUGIN']),
      readCapabilities: async (file) => (await readTraceFacts(file)).capabilities,
    });
    await printResult(context, input, result, renderDoctor);
    return result.chosen === null ? ExitCode.negative : ExitCode.ok;
  },
};
