// SPDX-License-Identifier: Apache-2.0

import type { AddressExpression } from './instruction.ts';

/** 'ss:rsp-0x8', 'ds:rax+rcx*4+0x10', 'gs:0x10'. */
export function formatAddress(address: AddressExpression): string {
  const { segment, base, index, scale, displacement } = address;
  const terms = [
    ...(base === undefined ? [] : [base]),
    ...(index === undefined ? [] : [scale === 1 ? index : `${index}*${scale}`]),
  ].join('+');
  const magnitude = `0x${(displacement < 0n ? -displacement : displacement).toString(16)}`;
  const sign = displacement < 0n ? '-' : terms === '' ? '' : '+';
  const shown = displacement === 0n && terms !== '' ? '' : `${sign}${magnitude}`;
  return `${segment}:${terms}${shown}`;
}
