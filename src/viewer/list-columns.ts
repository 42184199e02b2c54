// SPDX-License-Identifier: Apache-2.0
// Columns of the list of accesses, on the page and as CSV. Pure.

import { formatCount } from '../base/index.ts';
import type { AccessRow } from '../server/protocol.ts';
import { formatAddress } from './ticks.ts';

export interface ListColumn {
  readonly name: string;
  readonly title: string;
  readonly isNumber?: boolean;
  readonly isCode?: boolean;
  readonly text: (row: AccessRow) => string;
  /** As it goes into CSV: plain, for machines. */
  readonly value: (row: AccessRow) => string | number | null;
}

export const LIST_COLUMNS: readonly ListColumn[] = [
  {
    name: 'ordinal',
    title: 'Access',
    isNumber: true,
    text: ({ ordinal }) => formatCount(ordinal),
    value: ({ ordinal }) => ordinal,
  },
  {
    name: 'icount',
    title: 'icount',
    isNumber: true,
    text: ({ icount }) => formatCount(icount),
    value: ({ icount }) => icount,
  },
  { name: 'vcpu', title: 'vCPU', text: ({ vcpu }) => String(vcpu), value: ({ vcpu }) => vcpu },
  {
    name: 'cpl',
    title: 'CPL',
    text: ({ cpl }) => (cpl === null ? '-' : String(cpl)),
    value: ({ cpl }) => cpl,
  },
  { name: 'kind', title: 'Kind', text: kindText, value: ({ kind }) => kind },
  { name: 'size', title: 'Size', text: ({ size }) => String(size), value: ({ size }) => size },
  {
    name: 'vaddr',
    title: 'Virtual',
    isCode: true,
    text: ({ vaddr }) => (vaddr === null ? '-' : formatAddress(vaddr)),
    value: ({ vaddr }) => vaddr,
  },
  {
    name: 'paddr',
    title: 'Physical',
    isCode: true,
    text: ({ paddr }) => (paddr === null ? '-' : formatAddress(paddr)),
    value: ({ paddr }) => paddr,
  },
  {
    name: 'place',
    title: 'Function',
    text: ({ place, pc }) => place ?? (pc === null ? '-' : formatAddress(pc)),
    value: ({ place }) => place,
  },
  {
    name: 'disassembly',
    title: 'Instruction',
    isCode: true,
    text: ({ disassembly }) => disassembly ?? '-',
    value: ({ disassembly }) => disassembly,
  },
  { name: 'origin', title: 'Origin', text: originText, value: ({ origin }) => origin },
];

const CSV_ONLY: readonly Pick<ListColumn, 'name' | 'value'>[] = [
  { name: 'pc', value: ({ pc }) => pc },
  { name: 'device', value: ({ device }) => String(device) },
  { name: 'aborted', value: ({ aborted }) => String(aborted) },
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

export function csvHead(): string {
  return `${[...LIST_COLUMNS, ...CSV_ONLY].map(({ name }) => name).join(',')}\n`;
}

export function csvLine(row: AccessRow): string {
  const values = [...LIST_COLUMNS, ...CSV_ONLY].map(({ value }) => csvField(value(row)));
  return `${values.join(',')}\n`;
}

/** RFC 4180; what a spreadsheet would take for a formula is made text. */
export function csvField(value: string | number | boolean | null): string {
  if (value === null) return '';
  const text = String(value);
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
