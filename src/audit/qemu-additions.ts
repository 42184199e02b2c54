// SPDX-License-Identifier: Apache-2.0
// What QEMU is known to access besides what the manual prescribes, each under a rule of rules.ts.

import {
  type ArchitecturalAccess,
  type DecodedInstruction,
  type TssAccesses,
  tssAccesses,
} from '../isa/index.ts';
import type { ExpectedAccess } from './expected-access.ts';
import type { RuleName } from './rules.ts';

const SCALAR_FMA = /^vfn?m(add|sub)(132|213|231)s[sd]$/;
const X87_SAVE = /^f?xsave(opt)?(64)?$/;
const INSERT_LANE = /^vinsert[fi]128$/;

export function withKnownAdditions(
  { mnemonic, isLocked }: DecodedInstruction,
  prescribed: readonly ArchitecturalAccess[],
): readonly ExpectedAccess[] {
  if (/(^|\s)ins[bwd]$/.test(mnemonic)) {
    return doubled(prescribed, 'ins-stores-zero-first', ({ kind }) => kind === 'string');
  }
  if (mnemonic === 'neg' && isLocked) {
    return doubled(prescribed, 'lock-neg-loads-twice', ({ direction }) => direction === 'load');
  }
  if (X87_SAVE.test(mnemonic)) return prescribed.map(withReserved);
  if (SCALAR_FMA.test(mnemonic)) return widened(prescribed, 16, 'scalar-fma-loads-16');
  if (INSERT_LANE.test(mnemonic)) return widened(prescribed, 32, 'insert-loads-whole');
  const task = tssAccesses(prescribed);
  return task === undefined ? prescribed : ofTaskSwitch(prescribed, task);
}

function doubled(
  prescribed: readonly ArchitecturalAccess[],
  rule: RuleName,
  isDoubled: (access: ArchitecturalAccess) => boolean,
): readonly ExpectedAccess[] {
  return prescribed.flatMap((access) =>
    isDoubled(access) ? [{ ...access, rule }, access] : [access],
  );
}

/** QEMU 11 stores the 6 bytes that are reserved beside each x87 register. */
function withReserved(access: ArchitecturalAccess): ExpectedAccess {
  const { fields, direction } = access;
  if (fields === undefined || direction === 'load') return access;
  const reserved = Array.from({ length: 8 }, (_, i) => ({
    component: 'x87-reserved',
    offset: 42 + 16 * i,
    bytes: 6,
    optional: true,
  }));
  return { ...access, fields: [...fields, ...reserved] };
}

function widened(
  prescribed: readonly ArchitecturalAccess[],
  bytes: number,
  rule: RuleName,
): readonly ExpectedAccess[] {
  return prescribed.map((access) => ({ ...access, wider: { bytes, rule } }));
}

function ofTaskSwitch(
  prescribed: readonly ArchitecturalAccess[],
  { format, savedFlags, returns, lastOfNew, isTrap }: TssAccesses,
): readonly ExpectedAccess[] {
  const probe = (direction: 'load' | 'store', offset: number): ExpectedAccess => ({
    ...savedFlags,
    direction,
    bytes: 1,
    address: savedFlags.address && { ...savedFlags.address, displacement: BigInt(offset) },
    rule: 'task-switch-probes',
  });
  // Its LDT: the first of those that only some tasks have.
  const firstOfNew = prescribed.find(({ occurrence }) => occurrence === 'conditional');
  const result: ExpectedAccess[] = [];
  for (const access of prescribed) {
    if (returns && access === firstOfNew) {
      result.push({ ...savedFlags, rule: 'task-return-stores-flags-twice' });
    }
    if (access !== lastOfNew) {
      result.push(access);
      continue;
    }
    // The new task has been read, last its T flag where it has one: now the old one is probed, before anything is stored.
    result.push(
      isTrap ? { ...access, wider: { bytes: 4, rule: 'task-flag-in-four-bytes' } } : access,
    );
    result.push(probe('load', 0), probe('load', format.limit));
    result.push(probe('store', 0), probe('store', format.limit));
  }
  return result;
}
