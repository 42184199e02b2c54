// SPDX-License-Identifier: Apache-2.0
import { ExitCode } from '../../base/index.ts';
import { benchDecode } from '../../format/index.ts';
import { SAVE_OPTION, saveBenchResult } from '../bench-results.ts';
import {
  type CommandSpec,
  findCount,
  isOn,
  JSON_OPTION,
  printResult,
  wordAt,
} from '../command-spec.ts';
import { withAbort } from '../interrupts.ts';
import { describeMachine } from '../machine.ts';
import { renderBenchDecode } from '../render/bench.ts';

const DEFAULT_RUNS = 5;

export const benchDecodeCommand: CommandSpec = {
  options: [
    { flags: '--runs <N>', description: 'the median of so many counts; default: 5' },
    SAVE_OPTION,
    JSON_OPTION,
  ],
  examples: ['loadstore bench decode boot.memtrace', 'loadstore bench decode boot.memtrace --json'],
  run: async (input, context) => {
    const runs = findCount(input, 'runs', '--runs') ?? DEFAULT_RUNS;
    const measured = await withAbort(async (signal) =>
      benchDecode(wordAt(input, 0), Math.max(1, runs), signal),
    );
    const date = new Date().toISOString();
    const result = { benchmark: 'decode', date, machine: describeMachine(), ...measured };
    await printResult(context, input, result, renderBenchDecode);
    if (isOn(input, 'save')) {
      await saveBenchResult(result, `node-${process.versions.node}`, context);
    }
    return ExitCode.ok;
  },
};
