// SPDX-License-Identifier: Apache-2.0
import { ExitCode } from '../../base/index.ts';
import { findRunEntry, runFolderPath } from '../../capture/index.ts';
import { readTraceFacts } from '../../query/index.ts';
import { type CommandSpec, JSON_OPTION, printResult, wordAt } from '../command-spec.ts';
import { renderInfo } from '../render/info.ts';

export const infoCommand: CommandSpec = {
  options: [JSON_OPTION],
  examples: ['loadstore info boot.memtrace', 'loadstore info boot.memtrace --json'],
  run: async (input, context) => {
    const file = wordAt(input, 0);
    const facts = await readTraceFacts(file);
    const recording = findRunEntry(runFolderPath(context.env), file);
    const result = { ...facts, recordedBy: recording?.qemuPid ?? null };
    await printResult(context, input, result, (info) => renderInfo(info, context.program));
    return ExitCode.ok;
  },
};
