// SPDX-License-Identifier: Apache-2.0
import { lstat, stat } from 'node:fs/promises';
import path from 'node:path';
import { ExitCode, TraceError, UserError, writeFailure } from '../../base/index.ts';
import {
  type CheckResult,
  checkTrace,
  openTrace,
  repairTrace,
  type TraceProblem,
} from '../../format/index.ts';
import { type CommandSpec, findText, JSON_OPTION, printResult, wordAt } from '../command-spec.ts';
import { withAbort } from '../interrupts.ts';
import { renderCheck } from '../render/check.ts';
import type { CheckCommandResult } from '../results.ts';
import { statusLine } from '../status-line.ts';

export const checkCommand: CommandSpec = {
  details: `Decodes every chunk and compares what comes out with what recording counted. With --repair what is good is
written to a new file, which is whole up to where the old one was cut or damaged.`,
  options: [
    {
      flags: '--repair <OUT>',
      description: 'write what is good to this file, which must not exist',
    },
    JSON_OPTION,
  ],
  examples: [
    'loadstore check boot.memtrace',
    'loadstore check cut.memtrace --repair whole.memtrace',
  ],
  exitCodes: [
    '0    the trace is good',
    '1    it was cut or is damaged; the problems are listed',
    '2    the file to write exists',
    '3    it is not a trace, or one of a newer format',
  ],
  run: async (input, context) => {
    const file = wordAt(input, 0);
    const output = findText(input, 'repair');
    if (output !== undefined) await requireNewFile(output);
    const line = statusLine(context);
    return withAbort(async (signal) => {
      const checked = await checkTrace(file, {
        signal,
        onProgress: (doneBytes, fileBytes) => {
          line.showPart(doneBytes / fileBytes, `checking ${file}`);
        },
      }).finally(() => {
        line.clear();
      });
      const problems = await adviseOn(checked.problems, file);
      const repaired = output === undefined ? null : await repairInto(output, file, checked);
      if (output !== undefined && repaired === null) {
        context.writeErr(`loadstore: nothing in it can be kept: ${output} was not written\n`);
      }
      await printResult(context, input, { file, ...checked, problems, repaired }, renderCheck);
      return exitCodeOf(checked);
    });
  },
};

/** Before the trace is read, which may take minutes. */
async function requireNewFile(file: string): Promise<void> {
  const isThere = async (found: Promise<unknown>): Promise<boolean> =>
    found.then(
      () => true,
      () => false,
    );
  if (await isThere(lstat(file))) {
    throw new UserError(ExitCode.usage, `${file} exists`, 'name another file: --repair FILE');
  }
  if (!(await isThere(stat(path.dirname(file))))) {
    throw new UserError(
      ExitCode.environment,
      `cannot write ${file}: no such folder`,
      'name a file in a folder that is there: --repair FILE',
    );
  }
}

/** Null where not even the header is good: there is nothing to begin a file with. */
async function repairInto(
  output: string,
  file: string,
  { sections }: CheckResult,
): Promise<CheckCommandResult['repaired']> {
  if (sections === 0) return null;
  try {
    return { file: output, ...(await repairTrace(file, output)) };
  } catch (error) {
    const isOutput = error instanceof TraceError && error.facts.file === output;
    throw isOutput ? writeFailure(output, error.facts.cause, '--repair OUT') : error;
  }
}

/** The reader advises to keep what is before the damage: not where that is nothing. */
async function adviseOn(
  problems: readonly TraceProblem[],
  file: string,
): Promise<readonly TraceProblem[]> {
  if (problems.length === 0) return problems;
  const firstChunk = await findFirstChunk(file);
  const sections = problems.flatMap(({ section }) => (section === undefined ? [] : [section]));
  if (firstChunk !== undefined && firstChunk < Math.min(...sections)) return problems;
  return problems.map((problem) => {
    if (problem.section === undefined && firstChunk !== undefined) return problem;
    return { ...problem, remedy: remedyWithoutRepair(problem) };
  });
}

function remedyWithoutRepair({ kind, remedy }: TraceProblem): string {
  if (kind === 'newer-format') return remedy;
  return kind === 'not-a-trace'
    ? 'Name a file that "loadstore record" made.'
    : 'There are no accesses before it: copy it again from where it came, or record again.';
}

/** Number of the first chunk's section; undefined when there is none. */
async function findFirstChunk(file: string): Promise<number | undefined> {
  try {
    const trace = await openTrace(file);
    await trace.close();
    return trace.chunks[0]?.sectionIndex;
  } catch (error) {
    if (error instanceof TraceError) return undefined;
    throw error;
  }
}

function exitCodeOf({ ok, problems }: CheckResult): ExitCode {
  if (ok) return ExitCode.ok;
  const isForeign = problems.some(({ kind }) => kind === 'not-a-trace' || kind === 'newer-format');
  return isForeign ? ExitCode.badTrace : ExitCode.negative;
}
