// SPDX-License-Identifier: Apache-2.0
import { footprintAnalysis } from '../../analysis/index.ts';
import { windowVcpus } from '../../query/index.ts';
import { ANALYSIS_OPTIONS, printAnalysis, reportOf, runPass } from '../analysis-run.ts';
import type { CommandSpec } from '../command-spec.ts';
import { LINE_SIZE_OPTION, PAGE_SIZE_OPTION, unitShiftsFrom } from '../geometry-options.ts';
import { renderFootprint } from '../render/footprint.ts';
import { WINDOW_OPTION, windowsFrom } from '../window-options.ts';

/** Of the table of lines in each thread: about 8 million of them with 64 windows. */
export const FOOTPRINT_MEMORY_BYTES: number = 2 ** 27;

export const footprintCommand: CommandSpec = {
  details: `Counts the different lines and pages of virtual memory that are touched, in each window of instructions and
in all, by kernel code (CPL 0 to 2, or not known) and by user code (CPL 3). What both touch is in both columns and
counts once in all. Each vCPU counts its own instructions: windows of several add up what was not at one time. When the lines are too many for memory the figures are estimates, and say so.`,
  options: [WINDOW_OPTION, LINE_SIZE_OPTION, PAGE_SIZE_OPTION, ...ANALYSIS_OPTIONS],
  examples: [
    'loadstore footprint boot.memtrace',
    'loadstore footprint boot.memtrace --window 10M --cpl 3 --json',
  ],
  run: async (input, context) => {
    return printAnalysis(input, context, renderFootprint, async (analysis) => {
      const { lineShift, pageShift } = unitShiftsFrom(input);
      const windows = await windowsFrom(input, analysis.trace, analysis.selection);
      const parameters = { lineShift, pageShift, windows, memoryBytes: FOOTPRINT_MEMORY_BYTES };
      const [result] = await runPass(input, context, analysis, [
        { analysis: footprintAnalysis, parameters },
      ]);
      const { windowInstructions } = windows;
      const vcpus = windowVcpus(analysis.trace, analysis.selection.vcpu);
      const units = { lineBytes: 2 ** lineShift, pageBytes: 2 ** pageShift };
      const said = { ...units, windowInstructions, windowVcpus: vcpus };
      return reportOf('footprint', input, analysis, said, result);
    });
  },
};
