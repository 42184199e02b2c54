// SPDX-License-Identifier: Apache-2.0
import { formatBytes, formatCount, formatQuantity } from '../../base/index.ts';
import type { TraceProblem } from '../../format/index.ts';
import type { CheckCommandResult } from '../results.ts';
import { renderDeliberateFault } from './trace-facts.ts';

export function renderCheck(result: CheckCommandResult): string {
  const { file, problems, moreProblems, repaired } = result;
  const counts = `${formatQuantity(result.accesses, 'access', 'accesses')}, ${formatQuantity(result.blocks, 'block execution')}, ${formatQuantity(result.instructions, 'instruction')} in ${formatQuantity(result.chunks, 'chunk')}`;
  const verdict = result.ok
    ? `good: ${counts} decoded, ${result.hasTotals ? 'as many as were recorded' : 'without totals that tell how much was recorded'}`
    : `NOT GOOD; decoded ${counts}`;
  const more = moreProblems === 0 ? '' : `  ${formatCount(moreProblems)} more\n`;
  return [
    renderDeliberateFault(result.deliberateFault ?? null),
    `${file}: ${verdict}\n`,
    ...problems.map(renderProblem),
    more,
    repaired === null
      ? ''
      : `${repaired.file}: ${formatQuantity(repaired.keptAccesses, 'access', 'accesses')} in ${formatQuantity(repaired.keptChunks, 'chunk')} kept, ${formatBytes(repaired.lostBytes)} lost\n`,
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
