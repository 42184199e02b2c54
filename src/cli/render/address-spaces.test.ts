// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { AddressSpaceRow } from '../../query/index.ts';
import type { AddressSpacesCommandResult } from '../results.ts';
import { renderAddressSpaces } from './address-spaces.ts';

const space = (number: number, more: Partial<AddressSpaceRow>): AddressSpaceRow => ({
  ...{ number, cr3: '0x2000', userCr3: null, cr3Values: ['0x2000'], accesses: 1234 },
  ...{ userAccesses: 0, programs: [] },
  first: { ordinal: 0, vcpu: 0, icount: 0 },
  last: { ordinal: 1233, vcpu: 0, icount: 5678 },
  ...more,
});

const result = (
  isolated: boolean,
  ...addressSpaces: AddressSpaceRow[]
): AddressSpacesCommandResult => ({
  parameters: { file: 'a.memtrace', symbols: [] },
  result: { isolated, addressSpaces },
});

describe('renderAddressSpaces', () => {
  it('names programs that are known, and no others', () => {
    const kernel = space(1, {});
    const sh = { name: 'sh', accesses: 6 };
    const known = space(2, { userAccesses: 6, programs: [sh] });
    const both = space(4, {
      userAccesses: 9,
      programs: [sh, { name: 'libc.so.6', accesses: 2 }],
    });
    const unknown = space(3, { cr3: '0x12345000', userAccesses: 1000 });
    expect(renderAddressSpaces(result(false, kernel, known, unknown, both))).toBe(`\
#         CR3  accesses  by user code  first icount  last icount  ran
1      0x2000     1,234             0             0        5,678  no user code
2      0x2000     1,234             6             0        5,678  sh
3  0x12345000     1,234         1,000             0        5,678  user code
4      0x2000     1,234             9             0        5,678  sh 66.7 %, libc.so.6 22.2 %, other user code

A program is recognised by its code, since a trace has no values: all applets of one busybox are "busybox".
`);
  });

  it('says whose instructions are counted when there are several vCPUs, and when tables are isolated', () => {
    const text = renderAddressSpaces(
      result(true, space(1, { last: { ordinal: 1, vcpu: 1, icount: 7 } })),
    );
    expect(text).toContain('0 of vCPU 0  7 of vCPU 1');
    expect(text).toContain('The kernel isolates page tables');
    expect(text).not.toContain('recognised');
  });
});
