// SPDX-License-Identifier: Apache-2.0
import { formatBytes, formatCount } from '../../base/index.ts';
import type { TraceProblem } from '../../format/index.ts';
import type { CheckCommandResult } from '../results.ts';

export function renderCheck(result: CheckCommandResult): string {
  const { file, problems, moreProblems, repaired } = result;
  const counts = `${formatCount(result.accesses)} accesses, ${formatCount(result.blocks)} block executions, ${formatCount(result.instructions)} instructions in ${formatCount(result.chunks)} chunks`;
  const verdict = result.ok
    ? `good: ${counts} decoded, as many as were recorded`
    : `NOT GOOD; decoded ${counts}`;
  const more = moreProblems === 0 ? '' : `  ${formatCount(moreProblems)} more\n`;
  return [
    `${file}: ${verdict}\n`,
    ...problems.map(renderProblem),
    more,
    repaired === null
      ? ''
      : `${repaired.file}: ${formatCount(repaired.keptAccesses)} accesses in ${formatCount(repaired.keptChunks)} chunks kept, ${formatBytes(repaired.lostBytes)} lost\n`,
  ].join('');
}

function renderProblem(problem: TraceProblem): string {
  const section = problem.section === undefined ? '' : `section ${problem.section} `;
  const place =
    problem.fileOffset === undefined
      ? section
      : `${section}at byte 0x${problem.fileOffset.toString(16)}`;
  return `  ${place === '' ? '' : `${place.trim()}: `}${problem.message}\n    ${problem.remedy}\n`;
}
