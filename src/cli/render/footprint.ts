// SPDX-License-Identifier: Apache-2.0
import type { FootprintPart } from '../../analysis/index.ts';
import { formatBytes, formatCount } from '../../base/index.ts';
import type { FootprintReport } from '../analysis-results.ts';
import { drawTable } from './table.ts';
import { noteOfWindows } from './trace-facts.ts';

const BAR_WIDTH = 30;
/** Windows in which nothing was touched are told in one line. */
const NOTHING = '(nothing)';

export function renderFootprint({ parameters, result }: FootprintReport): string {
  const { lineBytes, pageBytes, windows, total, sampledOneIn } = result;
  const most = Math.max(1, ...windows.map((window) => window.all.lines));
  const row = (name: string, part: FootprintPart): string[] => [
    name,
    formatBytes(part.all.lines * lineBytes),
    formatCount(part.all.lines),
    formatCount(part.all.pages),
    formatCount(part.kernel.lines),
    formatCount(part.user.lines),
  ];
  const shown = windows.filter(
    (window, i) => window.all.lines > 0 || (windows[i - 1]?.all.lines ?? 1) > 0,
  );
  const rows = [
    ['from instruction', 'touched', 'lines', 'pages', 'kernel lines', 'user lines', ''],
    ...shown.map((window) =>
      window.all.lines === 0
        ? [formatCount(window.begin), NOTHING]
        : [
            ...row(formatCount(window.begin), window),
            '#'.repeat(Math.ceil((window.all.lines / most) * BAR_WIDTH)),
          ],
    ),
    row('in all', total),
  ];
  return [
    `${formatCount(result.accesses)} accesses, ${formatCount(result.userAccesses)} of user code; `,
    `lines of ${formatBytes(lineBytes)}, pages of ${formatBytes(pageBytes)}, `,
    `windows of ${formatCount(windows[0]?.instructions ?? 0)} instructions\n`,
    noteOfWindows(parameters.windowVcpus),
    sampledOneIn === 1
      ? ''
      : `estimates: from the lines of one page in ${formatCount(sampledOneIn)}, chosen by a hash; all did not fit into memory\n`,
    '\n',
    drawTable(rows, ['right', 'right', 'right', 'right', 'right', 'right', 'left']),
  ].join('');
}
