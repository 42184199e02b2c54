// SPDX-License-Identifier: Apache-2.0
// Columns of the list of accesses. Pure.

import { formatCount } from '../base/index.ts';
import type { AccessRow } from '../server/protocol.ts';
import { formatAddress } from './ticks.ts';

export interface ListColumn {
  readonly name: string;
  readonly title: string;
  /** What its name does not say. */
  readonly note?: string;
  readonly isNumber?: boolean;
  readonly isCode?: boolean;
  readonly text: (row: AccessRow) => string;
}

export const LIST_COLUMNS: readonly ListColumn[] = [
  {
    name: 'ordinal',
    title: 'Access',
    isNumber: true,
    text: ({ ordinal }) => formatCount(ordinal),
  },
  {
    name: 'icount',
    title: 'icount',
    note: 'Instructions that the vCPU of the row had completed: each vCPU counts its own',
    isNumber: true,
    text: ({ icount }) => formatCount(icount),
  },
  { name: 'vcpu', title: 'vCPU', text: ({ vcpu }) => String(vcpu) },
  {
    name: 'cpl',
    title: 'CPL',
    text: ({ cpl }) => (cpl === null ? '-' : String(cpl)),
  },
  { name: 'kind', title: 'Kind', text: kindText },
  { name: 'size', title: 'Size', text: ({ size }) => String(size) },
  {
    name: 'vaddr',
    title: 'Virtual',
    isCode: true,
    text: ({ vaddr }) => (vaddr === null ? '-' : formatAddress(vaddr)),
  },
  {
    name: 'paddr',
    title: 'Physical',
    isCode: true,
    text: ({ paddr }) => (paddr === null ? '-' : formatAddress(paddr)),
  },
  {
    name: 'place',
    title: 'Function',
    text: ({ place, pc }) => place ?? (pc === null ? '-' : formatAddress(pc)),
  },
  {
    name: 'disassembly',
    title: 'Instruction',
    isCode: true,
    text: ({ disassembly }) => disassembly ?? '-',
  },
  { name: 'origin', title: 'Origin', text: originText },
];

function kindText({ kind, aborted }: AccessRow): string {
  return aborted ? `${kind}, aborted` : kind;
}

export function originText({ origin, device }: AccessRow): string {
  const names = {
    instruction: device ? 'device' : 'instruction',
    'event-delivery': 'event',
    'page-walk': 'page walk',
  } as const;
  return names[origin];
}
