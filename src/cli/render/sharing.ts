// SPDX-License-Identifier: Apache-2.0
import { formatCount, formatQuantity, formatRatio } from '../../base/index.ts';
import type { SharingReport } from '../sharing-report.ts';
import { drawTable, moreLine } from './table.ts';

/** Part of the shared lines from which on their classes are called into question. */
const MUCH = 0.5;

export function renderSharing({
  parameters,
  result,
}: Pick<SharingReport, 'parameters' | 'result'>): string {
  const { lines, misses } = result;
  const row = (name: string, count: number, of: number): string[] => [
    ...[name, formatCount(count), formatRatio(count, of)],
  ];
  return [
    drawTable(
      [
        ['lines touched', formatCount(lines.touched), ''],
        row('shared by two vCPUs or more', lines.shared, lines.touched),
        row('  truly', lines.trueShared, lines.shared),
        ...(lines.filledBefore === 0
          ? []
          : [row('    filled by one before others came', lines.filledBefore, lines.shared)]),
        row('  falsely', lines.falseShared, lines.shared),
        row('  read only', lines.readShared, lines.shared),
        [],
        ['accesses', formatCount(result.accesses), ''],
        row('coherence misses of true sharing', misses.trueSharing, result.accesses),
        row('coherence misses of false sharing', misses.falseSharing, result.accesses),
      ],
      ['left', 'right', 'right'],
    ),
    drawFunctions(result),
    drawLines(result),
    `\n${drawNotes({ parameters, result })}`,
  ].join('');
}

function drawFunctions({ functions, functionCount }: SharingReport['result']): string {
  if (functions.length === 0) return '';
  const rows = functions.map(({ name, trueSharing, falseSharing }) => [
    ...[name, formatCount(trueSharing), formatCount(falseSharing)],
  ]);
  return `\n${drawTable(
    [['misses by function', 'true', 'false'], ...rows],
    ['left', 'right', 'right'],
  )}${moreLine(functionCount - functions.length, 'function')}`;
}

function drawLines({ topLines }: SharingReport['result']): string {
  if (topLines.length === 0) return '';
  const rows = topLines.map((line) => [
    line.address,
    formatCount(line.trueSharing),
    formatCount(line.falseSharing),
    line.kind,
    `${line.vaddr} ${line.name}`,
  ]);
  return `\n${drawTable(
    [['misses by line', 'true', 'false', 'shared', 'virtual, when it missed first'], ...rows],
    ['left', 'right', 'right', 'left', 'left'],
  )}`;
}

function drawNotes({ parameters, result }: Pick<SharingReport, 'parameters' | 'result'>): string {
  const { vcpuCount, excluded, lines } = result;
  const notes = [
    `Lines of ${parameters.lineBytes} bytes of physical memory; ${formatQuantity(vcpuCount, 'vCPU')}.`,
  ];
  if (lines.filledBefore > MUCH * lines.shared) {
    const part = formatRatio(lines.filledBefore, lines.shared);
    notes.push(
      `Which lines are shared truly says little here: one vCPU had stored every byte of ${part} before another came, as where it`,
      'cleared or loaded memory, and so they count as truly shared whatever came then. Coherence misses are not concerned.',
      'Choose a part that begins after that: --from N, --from icount:N.',
    );
  }
  if (vcpuCount === 1) notes.push('A guest with one vCPU shares nothing: record one with -smp 2.');
  if (excluded.device > 0) {
    notes.push(`Left out: ${formatQuantity(excluded.device, 'access', 'accesses')} to devices.`);
  }
  if (excluded.noAddress > 0) {
    notes.push(
      `Left out: ${formatQuantity(excluded.noAddress, 'access', 'accesses')} whose physical address is not known.`,
    );
  }
  return `${notes.join('\n')}\n`;
}
