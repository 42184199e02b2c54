// SPDX-License-Identifier: Apache-2.0
import { formatCount } from '../../base/index.ts';
import { type AddressSpaceRow, describeRan } from '../../query/index.ts';
import type { AddressSpacesCommandResult } from '../results.ts';
import { drawTable } from './table.ts';

const HEADLINE = ['#', 'CR3', 'accesses', 'by user code', 'first icount', 'last icount', 'ran'];

export function renderAddressSpaces({ result }: AddressSpacesCommandResult): string {
  const isSmp = result.addressSpaces.some(({ first, last }) => first.vcpu + last.vcpu > 0);
  const place = ({ vcpu, icount }: AddressSpaceRow['first']): string =>
    isSmp ? `${formatCount(icount)} of vCPU ${vcpu}` : formatCount(icount);
  const rows = result.addressSpaces.map((space) => [
    `${space.number}`,
    space.cr3,
    formatCount(space.accesses),
    formatCount(space.userAccesses),
    place(space.first),
    place(space.last),
    describeRan(space),
  ]);
  const isNamed = result.addressSpaces.some(({ programs }) => programs.length > 0);
  const notes = [
    ...(isNamed
      ? [
          'A program is recognised by its code, since a trace has no values: all applets of one busybox are "busybox".',
        ]
      : []),
    ...(result.isolated
      ? [
          'The kernel isolates page tables: user code runs with the table 4,096 bytes behind the one named.',
        ]
      : []),
  ];
  return drawTable(
    [HEADLINE, ...rows],
    ['right', 'right', 'right', 'right', 'right', 'right', 'left'],
  ).concat(...notes.map((note) => `\n${note}\n`));
}
