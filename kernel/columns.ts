// SPDX-License-Identifier: Apache-2.0
// Tells the loader where the columns of a batch are, and what it fills before a chunk begins.

import {
  BLOCK,
  CPL,
  CR3,
  CROSSING_INDEX,
  CROSSING_PADDR,
  END,
  FLAGS,
  ICOUNT,
  INSN,
  PADDR,
  PC,
  RUN_BLOCK,
  RUN_CONTINUES,
  RUN_EXECUTED,
  RUN_FIRST_ACCESS,
  RUN_ICOUNT,
  RUN_SHAPE,
  RUN_VCPU,
  SIZE,
  STREAMS,
  VADDR,
  VCPU,
  VCPUS,
} from './memory-map';
import { NONE } from './notes';

/** Where a column begins, for the loader: the numbers are those of src/format/kernel.ts. */
export function columnAddress(column: u32): u32 {
  switch (column) {
    case 0:
      return u32(VADDR);
    case 1:
      return u32(PC);
    case 2:
      return u32(ICOUNT);
    case 3:
      return u32(PADDR);
    case 4:
      return u32(CR3);
    case 5:
      return u32(SIZE);
    case 6:
      return u32(FLAGS);
    case 7:
      return u32(CPL);
    case 8:
      return u32(VCPU);
    case 9:
      return u32(INSN);
    case 10:
      return u32(BLOCK);
    case 11:
      return u32(CROSSING_INDEX);
    case 12:
      return u32(CROSSING_PADDR);
    case 13:
      return u32(RUN_BLOCK);
    case 14:
      return u32(RUN_EXECUTED);
    case 15:
      return u32(RUN_VCPU);
    case 16:
      return u32(RUN_ICOUNT);
    case 17:
      return u32(RUN_FIRST_ACCESS);
    case 18:
      return u32(RUN_CONTINUES);
    case 19:
      return u32(RUN_SHAPE);
    default:
      return 0;
  }
}

export function tablesEnd(): u32 {
  return u32(END);
}

/** Address of the vCPU states, for the loader to fill before begin(): icount, cr3, pendingRep. */
export function vcpuStates(): u32 {
  return u32(VCPUS);
}

export function forgetVcpus(): void {
  for (let i: usize = 0; i < 1024; i++) {
    store<u64>(VCPUS + (i << 5), 0);
    store<u64>(VCPUS + (i << 5), 0, 8);
    store<u64>(VCPUS + (i << 5), NONE, 16);
  }
}

/** Address of the eleven pairs of pointer and end, for the loader to fill before begin(). */
export function streamTable(): u32 {
  return u32(STREAMS);
}
