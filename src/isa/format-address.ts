// SPDX-License-Identifier: Apache-2.0

import type { AddressExpression } from './instruction.ts';

/** What the code calls the low bits of a register: 'ebx' of 'rbx', 'r8w' of 'r8'; vectors have one name. */
export function registerName(full: string, bits: 16 | 32 | 64): string {
  if (bits === 64 || full.includes('mm')) return full;
  if (/\d/.test(full)) return `${full}${bits === 32 ? 'd' : 'w'}`;
  return full.replace(/^r/, bits === 32 ? 'e' : '');
}

/** 'ss:rsp-0x8', 'ds:rax+rcx*4+0x10', 'gs:0x10'; `bits`: of the registers that are named. */
export function formatAddress(address: AddressExpression, bits: 16 | 32 | 64 = 64): string {
  const { segment, scale, displacement } = address;
  const nameOf = (full: string | undefined): string | undefined =>
    full === undefined ? undefined : registerName(full, bits);
  const base = nameOf(address.base);
  const index = nameOf(address.index);
  const terms = [
    ...(base === undefined ? [] : [base]),
    ...(index === undefined ? [] : [scale === 1 ? index : `${index}*${scale}`]),
  ].join('+');
  const magnitude = `0x${(displacement < 0n ? -displacement : displacement).toString(16)}`;
  const sign = displacement < 0n ? '-' : terms === '' ? '' : '+';
  const shown = displacement === 0n && terms !== '' ? '' : `${sign}${magnitude}`;
  return `${segment}:${terms}${shown}`;
}
