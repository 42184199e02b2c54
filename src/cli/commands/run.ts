// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ExitCode, TraceError } from '../../base/index.ts';
import { loadAnalysis } from '../../engine/index.ts';
import { ANALYSIS_OPTIONS, reportOf, runPass, withAnalysis } from '../analysis-run.ts';
import { type CommandInput, type CommandSpec, findText, isOn, wordAt } from '../command-spec.ts';

export const runCommand: CommandSpec = {
  details: `The module exports the analysis as "analysis" or by default: docs/analyses.md shows how to write one. It
may be in TypeScript whose types can be blanked out: no enum, no namespace. The module runs as it is, with the rights of this program.`,
  options: [
    { flags: '--parameters <JSON>', description: 'what its init gets; default: {}' },
    ...ANALYSIS_OPTIONS,
  ],
  examples: [
    'loadstore run ./alignment.mjs boot.memtrace',
    `loadstore run ./alignment.mjs boot.memtrace --parameters '{"lineBytes": 32}' --cpl 3 --json`,
  ],
  run: async (input, context) => {
    const moduleUrl = pathToFileURL(path.resolve(wordAt(input, 0))).href;
    const analysis = await loadAnalysis(moduleUrl);
    const parameters = parametersFrom(input);
    const report = await withAnalysis(
      input,
      context,
      async (opened) => {
        const [result] = await runPass(input, context, opened, [
          { analysis, parameters, moduleUrl },
        ]);
        return reportOf(analysis.name, input, opened, parameters, result);
      },
      wordAt(input, 1),
    );
    const shown: unknown = isOn(input, 'json') ? report : report.result;
    await context.writeOut(`${JSON.stringify(shown, plainJson, 2)}\n`);
    return ExitCode.ok;
  },
};

function parametersFrom(input: CommandInput): object {
  const text = findText(input, 'parameters') ?? '{}';
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Told below.
  }
  throw new TraceError('bad-argument', '--parameters is not a JSON object', {
    expected: '{"name": value}',
    found: text,
    remedy: `names in double quotes, all in single ones: --parameters '{"top": 5}'`,
  });
}

/** What JSON cannot say of a result: typed arrays as lists, maps as objects, 64-bit numbers in hexadecimal. */
function plainJson(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  if (ArrayBuffer.isView(value)) return Object.values(value);
  return value;
}
