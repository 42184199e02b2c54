// SPDX-License-Identifier: Apache-2.0
import os from 'node:os';
import { auditTrace } from '../../audit/index.ts';
import { ExitCode } from '../../base/index.ts';
import { type CommandSpec, JSON_OPTION, printResult, wordAt } from '../command-spec.ts';
import { withAbort } from '../interrupts.ts';
import { renderAudit } from '../render/audit.ts';
import { statusLine } from '../status-line.ts';

export const auditCommand: CommandSpec = {
  details: `Decodes every instruction that ran with a decoder of its own and lays the accesses that the manual prescribes
beside those of every one of its executions: direction, size, and the address where the code decides it. A difference is
explained by a named rule or it is unexplained. Each delivery of an interrupt or exception must be whole. What it proves, and
the rules: docs/instruction-audit.md.`,
  options: [JSON_OPTION],
  examples: ['loadstore audit boot.memtrace', 'loadstore audit boot.memtrace --json'],
  exitCodes: [
    '0    every difference is explained, every address that was checked is right',
    '1    something is unexplained: the places are listed',
    '3    it is not a trace, is damaged, or does not say in which mode code ran',
  ],
  run: async (input, context) => {
    const file = wordAt(input, 0);
    const line = statusLine(context);
    return withAbort(async (signal) => {
      const startedMs = performance.now();
      const audited = await auditTrace(file, {
        workers: os.availableParallelism(),
        signal,
        onProgress: (part) => {
          line.showPart(part, `auditing ${file}`);
        },
      }).finally(() => {
        line.clear();
      });
      const wallSeconds = (performance.now() - startedMs) / 1000;
      await printResult(context, input, { file, wallSeconds, ...audited }, renderAudit);
      const isClean = audited.unexplained === 0 && audited.addressMismatches === 0;
      return isClean ? ExitCode.ok : ExitCode.negative;
    });
  },
};
