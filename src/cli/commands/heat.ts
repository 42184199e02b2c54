// SPDX-License-Identifier: Apache-2.0
import { heatAnalysis } from '../../analysis/index.ts';
import { TraceError } from '../../base/index.ts';
import { heatFigures, windowVcpus } from '../../query/index.ts';
import { ANALYSIS_OPTIONS, printAnalysis, reportOf, runPass } from '../analysis-run.ts';
import { type CommandSpec, findCount } from '../command-spec.ts';
import { LINE_SIZE_OPTION, PAGE_SIZE_OPTION, unitShiftsFrom } from '../geometry-options.ts';
import { nameFrom } from '../name-option.ts';
import { renderHeat } from '../render/heat.ts';
import { WINDOW_OPTION, windowsFrom } from '../window-options.ts';

const UNITS = ['page', 'line'] as const;
const DEFAULT_ROWS = 48;
const MAX_ROWS = 4096;
/** Of the counts in each thread. */
export const HEAT_MEMORY_BYTES: number = 2 ** 26;

export const heatCommand: CommandSpec = {
  details: `Rows are pages or lines of virtual memory, or as many together, in powers of two, as make no more rows than
--rows says; what nothing accessed is left out, and a row over several regions has the names of its first and its last
byte's. Columns are windows of instructions, which
each vCPU counts for itself: columns of several add up what was not at one time.`,
  options: [
    { flags: '--unit <UNIT>', description: 'page (default) or line: the smallest row' },
    { flags: '--rows <N>', description: `at most so many rows; default: ${DEFAULT_ROWS}` },
    WINDOW_OPTION,
    LINE_SIZE_OPTION,
    PAGE_SIZE_OPTION,
    ...ANALYSIS_OPTIONS,
  ],
  examples: [
    'loadstore heat boot.memtrace',
    'loadstore heat boot.memtrace --address 0xffffffff82000000+4M --rows 1024 --json',
  ],
  run: async (input, context) => {
    return printAnalysis(input, context, renderHeat, async (analysis) => {
      const { lineShift, pageShift } = unitShiftsFrom(input);
      const unitShift = nameFrom(input, 'unit', '--unit', UNITS) === 'page' ? pageShift : lineShift;
      const rowLimit = rowsFrom(findCount(input, 'rows', '--rows'));
      const windows = await windowsFrom(input, analysis.trace, analysis.selection);
      const parameters = { unitShift, windows, rowLimit, memoryBytes: HEAT_MEMORY_BYTES };
      const [heat] = await runPass(input, context, analysis, [
        { analysis: heatAnalysis, parameters },
      ]);
      const { windowInstructions } = windows;
      const vcpus = windowVcpus(analysis.trace, analysis.selection.vcpu);
      const windowing = { windowInstructions, windowVcpus: vcpus };
      const said = { unitBytes: 2 ** unitShift, ...windowing, rows: rowLimit };
      return reportOf('heat', input, analysis, said, heatFigures(heat, analysis.names));
    });
  },
};

function rowsFrom(rows = DEFAULT_ROWS): number {
  if (rows >= 1 && rows <= MAX_ROWS) return rows;
  throw new TraceError('bad-argument', '--rows is out of range', {
    expected: `1 to ${MAX_ROWS}`,
    found: String(rows),
    remedy: `a number within that: --rows ${DEFAULT_ROWS}`,
  });
}
