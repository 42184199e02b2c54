// SPDX-License-Identifier: Apache-2.0
import { formatBytes, formatCountShort, formatQuantity, formatRatio } from '../../base/index.ts';
import type { HotFigures, HotPlaces } from '../../query/index.ts';
import type { HotReport } from '../analysis-results.ts';
import { drawTable, moreLine } from './table.ts';

export function renderHot({ result }: HotReport): string {
  const { instructions } = result;
  const total = result.loads + result.stores;
  return [
    `${formatQuantity(total, 'access', 'accesses')}\n\n`,
    renderHotFunctions(result),
    '\ninstructions\n',
    drawTable(
      instructions.top.map((one) => [
        ` ${one.address}`,
        ...countCells(one, total),
        one.text,
        one.function,
      ]),
      ['left', 'right', 'right', 'right', 'left', 'left'],
    ),
    moreLine(instructions.count - instructions.top.length, 'instruction'),
    `\n${renderHotPlaces('pages', result.pages, total)}`,
    `\n${renderHotPlaces('lines', result.lines, total)}`,
  ].join('');
}

export function renderHotFunctions({ functions, loads, stores }: HotFigures): string {
  return [
    'functions\n',
    drawTable(
      functions.top.map((one) => [` ${one.name}`, ...countCells(one, loads + stores)]),
      ['left', 'right', 'right', 'right'],
    ),
    moreLine(functions.count - functions.top.length, 'function'),
  ].join('');
}

/** `what`: "pages". */
export function renderHotPlaces(
  what: 'pages' | 'lines',
  { unitBytes, count, top }: HotPlaces,
  total: number,
): string {
  return [
    `${what} of ${formatBytes(unitBytes)}, virtual\n`,
    drawTable(
      top.map((one) => [` ${one.address} ${one.name}`, ...countCells(one, total)]),
      ['left', 'right', 'right', 'right'],
    ),
    moreLine(count - top.length, what.slice(0, -1)),
  ].join('');
}

function countCells(
  { loads, stores }: { readonly loads: number; readonly stores: number },
  total: number,
): string[] {
  return [
    formatRatio(loads + stores, total),
    `${formatCountShort(loads)} loads`,
    `${formatCountShort(stores)} stores`,
  ];
}
