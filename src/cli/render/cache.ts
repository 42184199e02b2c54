// SPDX-License-Identifier: Apache-2.0
import {
  formatBytes,
  formatCount,
  formatPerThousand,
  formatQuantity,
  formatRatio,
} from '../../base/index.ts';
import type { CacheReport, LevelMisses } from '../cache-report.ts';
import { drawTable, moreLine } from './table.ts';
import { nameInstruction } from './trace-facts.ts';

export function renderCache({ parameters, result }: CacheReport): string {
  const names = result.levels.map(({ name }) => name);
  const levels = [
    ['', 'size', 'ways', 'accesses', 'misses', 'of them', 'per 1000 insns', 'written back'],
    ...result.levels.map((level) => [
      level.name,
      formatBytes(level.sizeBytes),
      String(level.ways),
      formatCount(level.accesses),
      formatCount(level.misses),
      formatRatio(level.misses, level.accesses),
      level.mpki === null ? '-' : formatPerThousand(level.misses, level.mpki),
      formatCount(level.writebacks),
    ]),
  ];
  const kinds = [
    ['', 'load misses', 'of loads', 'store misses', 'of stores', 'fetch misses', 'of fetches'],
    ...result.levels.map(({ name, loads, stores, fetches }) => [
      name,
      ...[loads, stores, fetches].flatMap((kind) => [
        formatCount(kind.misses),
        formatRatio(kind.misses, kind.accesses),
      ]),
    ]),
  ];
  return [
    drawTable(levels, ['left', ...Array<'right'>(7).fill('right')]),
    '\n',
    drawTable(kinds, ['left', ...Array<'right'>(6).fill('right')]),
    drawClasses({ result }),
    drawPrefetches({ result }),
    '\n',
    drawTop(
      'function',
      [
        ['', ...names],
        ...result.functions.map(({ name, misses }) => [name, ...missCells(names, misses)]),
      ],
      result.functionCount - result.functions.length,
    ),
    '\n',
    drawTop(
      'instruction',
      [
        ['', ...names],
        ...result.missingInstructions.map((one) => [
          nameInstruction(one),
          ...missCells(names, one.misses),
        ]),
      ],
      result.instructionCount - result.missingInstructions.length,
    ),
    '\n',
    drawNotes({ parameters, result }),
  ].join('');
}

function missCells(names: readonly (keyof LevelMisses)[], misses: LevelMisses): string[] {
  return names.map((name) => formatCount(misses[name] ?? 0));
}

function drawTop(what: string, rows: readonly (readonly string[])[], more: number): string {
  const [head = [], ...others] = rows;
  const aligns = ['left' as const, ...head.slice(1).map(() => 'right' as const)];
  return `misses by ${what}\n${drawTable([head, ...others], aligns)}${moreLine(more, what)}`;
}

function drawClasses({ result }: Pick<CacheReport, 'result'>): string {
  const rows = result.levels.flatMap(({ name, classes, misses }) =>
    classes === undefined
      ? []
      : [
          [
            name,
            ...[classes.compulsory, classes.capacity, classes.conflict].flatMap((count) => [
              formatCount(count),
              formatRatio(count, misses),
            ]),
          ],
        ],
  );
  if (rows.length === 0) return '';
  const head = ['', 'compulsory', '', 'capacity', '', 'conflict', ''];
  return `\n${drawTable([head, ...rows], ['left', ...Array<'right'>(6).fill('right')])}`;
}

function drawPrefetches({ result }: Pick<CacheReport, 'result'>): string {
  const rows = result.levels
    .filter(({ prefetches }) => prefetches.accesses > 0)
    .map(({ name, prefetches }) => [
      name,
      formatCount(prefetches.accesses),
      formatCount(prefetches.misses),
    ]);
  if (rows.length === 0) return '';
  return `\n${drawTable([['', 'prefetches', 'not there'], ...rows], ['left', 'right', 'right'])}`;
}

function drawNotes({ parameters, result }: Pick<CacheReport, 'parameters' | 'result'>): string {
  const { excluded } = result;
  const lines = [
    `${formatQuantity(result.dataAccesses, 'data access', 'data accesses')}, ${formatQuantity(result.lineCrossings, 'line')} more that they crossed into; ${formatQuantity(result.memoryWrites, 'line')} written to memory.`,
    `Lines of ${parameters.lineBytes} bytes, ${parameters.usePhysical ? 'physical' : 'virtual'} addresses, ${parameters.replacePolicy}.`,
  ];
  for (const { name, why } of result.notSimulated) lines.push(`Without ${name}: ${why}.`);
  if (result.whyNoInstructions !== null) {
    lines.push(`Nothing for each 1,000 instructions: ${result.whyNoInstructions}.`);
  }
  const { from = '0' } = parameters.selection;
  if (parameters.warmupRefs === 0 && !/^(?:icount:)?0+$/.test(from)) {
    lines.push('The caches began empty, in the middle of the trace: see --warmup-refs.');
  }
  if (excluded.device > 0) {
    lines.push(
      `Not simulated: ${formatQuantity(excluded.device, 'access', 'accesses')} to devices.`,
    );
  }
  if (excluded.noAddress > 0) {
    const which = parameters.usePhysical ? 'whose physical address is not known' : 'of page walks';
    lines.push(
      `Not simulated: ${formatQuantity(excluded.noAddress, 'access', 'accesses')} ${which}.`,
    );
  }
  return `${lines.join('\n')}\n`;
}
