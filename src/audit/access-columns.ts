// SPDX-License-Identifier: Apache-2.0
// How the audit looks at the accesses of a batch.

import type { AccessColumns as BatchColumns } from '../analysis/index.ts';
import { bigintFromU64, halves, requireDefined } from '../base/index.ts';
import { AccessFlag } from '../format/index.ts';

/** The bits that decide what an access counts as. */
export const KIND_FLAGS: number =
  AccessFlag.store | AccessFlag.aborted | AccessFlag.physicalOnly | AccessFlag.origin;

export interface AccessColumns {
  /** Low half of address i at 2 * i, high half behind it. */
  readonly vaddr: Uint32Array;
  readonly size: Uint8Array;
  readonly flags: Uint8Array;
  readonly insn: Uint16Array;
}

export function accessColumns({ vaddr, size, flags, insn }: BatchColumns): AccessColumns {
  return {
    vaddr: halves(requireDefined(vaddr, 'asked for')),
    size: requireDefined(size, 'asked for'),
    flags: requireDefined(flags, 'asked for'),
    insn: requireDefined(insn, 'asked for'),
  };
}

export function addressAt({ vaddr }: AccessColumns, index: number): bigint {
  return bigintFromU64(vaddr[2 * index], vaddr[2 * index + 1]);
}
