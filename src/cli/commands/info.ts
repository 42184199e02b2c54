// SPDX-License-Identifier: Apache-2.0
import { ExitCode } from '../../base/index.ts';
import { type CommandSpec, JSON_OPTION, printResult, wordAt } from '../command-spec.ts';
import { renderInfo } from '../render/info.ts';
import { readTraceFacts } from '../trace-facts.ts';

export const infoCommand: CommandSpec = {
  name: 'info',
  summary: 'what a trace holds: provenance, capabilities, totals, bytes per access',
  arguments: [{ name: 'file', description: 'a trace', required: true }],
  options: [JSON_OPTION],
  examples: ['loadstore info boot.memtrace', 'loadstore info boot.memtrace --json'],
  run: async (input, context) => {
    await printResult(context, input, await readTraceFacts(wordAt(input, 0)), renderInfo);
    return ExitCode.ok;
  },
};
