// SPDX-License-Identifier: Apache-2.0
import { formatBytes, formatCount, formatCountShort, formatRatio } from '../../base/index.ts';
import type { NamedHeatRow } from '../../query/index.ts';
import type { HeatReport } from '../analysis-results.ts';
import { drawTable } from './table.ts';
import { noteOfWindows } from './trace-facts.ts';

/** From nothing to most, on a logarithmic scale. */
const SHADES = ' .:-=+*#%@';
const COLUMNS = 64;

export function renderHeat({ parameters, result }: HeatReport): string {
  const { rows, begins, end, unitBytes, windowInstructions } = result;
  const perColumn = Math.max(1, Math.ceil(begins.length / COLUMNS));
  const cells = rows.map((row) => columnsOf(row, perColumn));
  const most = Math.max(1, ...cells.flat());
  const total = result.loads + result.stores;
  const drawn = rows.map((row, i) => [
    row.address,
    (cells[i] ?? []).map((count) => shadeOf(count, most)).join(''),
    formatRatio(sum(row.loads) + sum(row.stores), total),
    row.name,
  ]);
  return [
    `${formatCount(total)} accesses; rows of ${formatBytes(unitBytes)}, `,
    `columns of ${formatCount(perColumn * windowInstructions)} instructions, `,
    `from instruction ${formatCount(begins[0] ?? 0)} to ${formatCount(end)}\n`,
    noteOfWindows(parameters.windowVcpus),
    `shades "${SHADES}": from no access to ${formatCountShort(most)}, each ${shadeStep(most)}x the one before\n\n`,
    drawTable(drawn, ['left', 'left', 'right', 'left']),
  ].join('');
}

function columnsOf({ loads, stores }: NamedHeatRow, perColumn: number): number[] {
  const columns: number[] = [];
  for (let at = 0; at < loads.length; at += perColumn) {
    columns.push(sum(loads.slice(at, at + perColumn)) + sum(stores.slice(at, at + perColumn)));
  }
  return columns;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function shadeOf(count: number, most: number): string {
  if (count === 0) return SHADES.charAt(0);
  const steps = SHADES.length - 1;
  const level = most === 1 ? steps : (Math.log(count) / Math.log(most)) * (steps - 1) + 1;
  return SHADES.charAt(Math.min(steps, Math.floor(level)));
}

/** Factor from one shade to the next. */
function shadeStep(most: number): string {
  return (most ** (1 / (SHADES.length - 2))).toFixed(1);
}
