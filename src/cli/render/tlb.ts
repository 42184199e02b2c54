// SPDX-License-Identifier: Apache-2.0
import {
  formatBytes,
  formatCount,
  formatPerThousand,
  formatQuantity,
  formatRatio,
} from '../../base/index.ts';
import type { TlbReport } from '../tlb-report.ts';
import { drawTable, moreLine } from './table.ts';

export function renderTlb({ parameters, result }: TlbReport): string {
  const levels = [
    ['', 'entries', 'ways', 'look-ups', 'misses', 'of them', 'per 1000 insns'],
    ...result.levels.map((level) => [
      level.name,
      formatCount(level.entries),
      String(level.ways),
      formatCount(level.accesses),
      formatCount(level.misses),
      formatRatio(level.misses, level.accesses),
      level.mpki === null ? '-' : formatPerThousand(level.misses, level.mpki),
    ]),
  ];
  const { reads } = result;
  const allReads = reads.pml4 + reads.pdpt + reads.directory + reads.table;
  const walks = [
    ['page walks', formatCount(result.walks), ''],
    ...result.walksBySize.map((one) => [
      ` of pages of ${formatBytes(one.pageBytes)}`,
      formatCount(one.walks),
      formatRatio(one.walks, result.walks),
    ]),
    [
      ' made shorter by the page-walk caches',
      formatCount(result.shortWalks),
      formatRatio(result.shortWalks, result.walks),
    ],
    ['entries of page tables read', formatCount(allReads), ''],
    [' PML4', formatCount(reads.pml4), formatRatio(reads.pml4, allReads)],
    [' page directory pointers', formatCount(reads.pdpt), formatRatio(reads.pdpt, allReads)],
    [' page directories', formatCount(reads.directory), formatRatio(reads.directory, allReads)],
    [' page tables', formatCount(reads.table), formatRatio(reads.table, allReads)],
  ];
  const functions = result.functions.map(({ name, walks: count }) => [
    name,
    formatCount(count),
    formatRatio(count, result.walks),
  ]);
  return [
    drawTable(levels, ['left', ...Array<'right'>(6).fill('right')]),
    '\n',
    drawTable(walks, ['left', 'right', 'right']),
    functions.length === 0 ? '' : '\npage walks by function\n',
    drawTable(functions, ['left', 'right', 'right']),
    moreLine(result.functionCount - result.functions.length, 'function'),
    '\n',
    drawNotes({ parameters, result }),
  ].join('');
}

function drawNotes({ parameters, result }: Pick<TlbReport, 'parameters' | 'result'>): string {
  const rule =
    parameters.spaces === 'flush'
      ? `${formatQuantity(result.flushes, 'new CR3')} left only global pages.`
      : 'Entries carry their address space.';
  const lines = [rule];
  const tell = (count: number, what: string): void => {
    if (count > 0) lines.push(`${formatQuantity(count, 'look-up')} ${what}`);
  };
  tell(result.assumedSizes, 'of pages that are taken to be as large as their neighbours.');
  tell(result.unknownSizes, 'of pages whose size is not known: taken to be 4 KiB.');
  tell(result.untranslated, 'with paging off, which no TLB saw.');
  tell(result.physicalOnly, 'by page walks, which have physical addresses.');
  return `${lines.join('\n')}\n`;
}
