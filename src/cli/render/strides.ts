// SPDX-License-Identifier: Apache-2.0
import type { StrideClass } from '../../analysis/index.ts';
import { formatCount, formatQuantity, formatRatio } from '../../base/index.ts';
import type { StrideInstruction, StridesReport } from '../strides-report.ts';
import { drawTable, moreLine } from './table.ts';

const CLASSES: readonly (readonly [StrideClass, string])[] = [
  ['constant', 'the same address'],
  ['stride', 'one stride'],
  ['irregular', 'irregular'],
  ['once', 'once for each vCPU'],
];

export function renderStrides({ result }: StridesReport): string {
  const { accesses, noAddress, byClass, instructions } = result;
  const rows = CLASSES.map(([name, text]) => [
    text,
    formatCount(byClass[name].instructions),
    formatCount(byClass[name].accesses),
    formatRatio(byClass[name].accesses, accesses),
  ]);
  const total = CLASSES.reduce((sum, [name]) => sum + byClass[name].instructions, 0);
  return [
    drawTable(
      [['addresses', 'loads or stores in code', 'accesses', ''], ...rows],
      ['left', 'right', 'right', 'right'],
    ),
    '\n',
    drawTable(
      [
        ['instruction', '', 'accesses', 'stride', 'of steps', 'sure of', '', ''],
        ...instructions.map(drawInstruction),
      ],
      ['left', 'left', 'right', 'right', 'right', 'right', 'left', 'left'],
    ),
    moreLine(total - instructions.length, 'load or store', 'loads or stores'),
    noAddress === 0
      ? ''
      : `\nLeft out: ${formatQuantity(noAddress, 'access', 'accesses')} of page walks.\n`,
  ].join('');
}

function drawInstruction(one: StrideInstruction): string[] {
  const isRegular = one.class === 'constant' || one.class === 'stride';
  return [
    one.address,
    one.kind,
    formatCount(one.accesses),
    isRegular ? String(one.strides[0]?.stride) : one.class,
    one.steps === 0 ? '-' : formatRatio(one.share, 1),
    one.steps === 0 ? '-' : formatRatio(one.confidence, 1),
    one.text,
    one.function,
  ];
}
