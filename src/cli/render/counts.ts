// SPDX-License-Identifier: Apache-2.0
import { formatBytes, formatCount, formatRatio } from '../../base/index.ts';
import type { CountsReport } from '../analysis-results.ts';
import { drawTable, moreLine } from './table.ts';

const MNEMONICS_SHOWN = 15;

export function renderCounts({ result }: CountsReport): string {
  const row = (name: string, { loads, stores }: { loads: number; stores: number }): string[] => [
    ` ${name}`,
    formatCount(loads),
    formatCount(stores),
    formatRatio(loads + stores, result.accesses),
  ];
  const { byOrigin, bytes, byMnemonic } = result;
  const rows = [
    ['', 'loads', 'stores', 'of all'],
    row('accesses', result),
    [' bytes', formatBytes(bytes.loads), formatBytes(bytes.stores), ''],
    ['by size'],
    ...result.bySize.map((one) => row(`${one.sizeBytes} B`, one)),
    ['by privilege'],
    ...result.byCpl.map((one) => row(one.cpl === null ? 'not known' : `CPL ${one.cpl}`, one)),
    ['by who made them'],
    row('instructions', byOrigin.instruction),
    row('event delivery', byOrigin.eventDelivery),
    row('page walks (accessed and dirty bits)', byOrigin.pageWalk),
    ['by vCPU'],
    ...result.byVcpu.map((one) => row(`vCPU ${one.vcpu}`, one)),
    ['among them'],
    row('to devices', result.device),
    row('with a physical address only', result.physical),
  ];
  const shown = byMnemonic.slice(0, MNEMONICS_SHOWN);
  return [
    drawTable(rows, ['left', 'right', 'right', 'right']),
    `\n${formatCount(result.instructions)} instructions in ${formatCount(result.blockExecutions)} block executions\n`,
    drawTable(
      shown.map(({ mnemonic, executions }) => [
        ` ${mnemonic}`,
        formatCount(executions),
        formatRatio(executions, result.instructions),
      ]),
      ['left', 'right', 'right'],
    ),
    moreLine(byMnemonic.length - shown.length, 'mnemonic'),
  ].join('');
}
