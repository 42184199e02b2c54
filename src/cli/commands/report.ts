// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { ExitCode } from '../../base/index.ts';
import { PASS_JOBS_OPTION, withAnalysis } from '../analysis-run.ts';
import { type CommandSpec, findText, isOn, JSON_OPTION, printResult } from '../command-spec.ts';
import { requireReplaceable } from '../export-output.ts';
import { SYMBOLS_OPTION } from '../guest-symbols.ts';
import { inputFiles } from '../input-files.ts';
import { renderReport } from '../render/report.ts';
import { makeReport, writePage } from '../report-file.ts';
import { requireCapability } from '../trace-options.ts';

const WITHOUT_TIME = '"loadstore counts" and "loadstore hot", which need none';

export const reportCommand: CommandSpec = {
  details: `Accesses over time by privilege and by address space, a map of addresses and time, the working set, functions, pages
and instructions with the most accesses, and what the trace can and cannot say; from one pass over the whole trace. The page
is one file that needs no network. With --audit each instruction is compared with what the manual says it accesses: a second
pass.`,
  options: [
    { flags: '--html <OUT>', description: 'write the page to this file' },
    { flags: '-f, --force', description: 'replace that file, and OUT.partial, if they exist' },
    { flags: '--audit', description: 'audit instructions too: as "loadstore audit"' },
    SYMBOLS_OPTION,
    PASS_JOBS_OPTION,
    JSON_OPTION,
  ],
  examples: [
    'loadstore report boot.memtrace',
    'loadstore report boot.memtrace --html report.html --audit',
  ],
  run: async (input, context) => {
    const named = findText(input, 'html');
    // Before the work, so that it is not for nothing.
    const page =
      named === undefined
        ? undefined
        : {
            ...{ name: named, isFolder: false, option: '--html OUT', force: isOn(input, 'force') },
            inputs: inputFiles(input),
          };
    if (page !== undefined) requireReplaceable(page);
    await withAnalysis(input, context, async (analysis) => {
      requireCapability(analysis.trace, 'icount', 'the report over time', WITHOUT_TIME);
      const report = await makeReport(input, context, analysis, isOn(input, 'audit'));
      if (page !== undefined) {
        await writePage(report, page, context);
        context.writeErr(`loadstore: wrote ${path.resolve(page.name)}\n`);
      }
      await printResult(context, input, report, (one) => renderReport(one, context.program));
    });
    return ExitCode.ok;
  },
};
