// SPDX-License-Identifier: Apache-2.0
// The part of the CPU's state that decides what code means: QEMU's hflags, as the code table has them.

import { ModeBit } from '../base/index.ts';

export interface CpuMode {
  /** Default operand and address size of the code. */
  readonly codeBits: 16 | 32 | 64;
  /** Width of the stack pointer that implicit stack accesses use. */
  readonly stackBits: 16 | 32 | 64;
  /** Selectors are looked up in descriptor tables: protection is on, and not virtual-8086 mode. */
  readonly hasDescriptors: boolean;
  /** Long mode is active, also in its compatibility mode: system descriptors have 16 bytes. */
  readonly isLong: boolean;
  /** 0 to 3; that of virtual-8086 mode is 3. */
  readonly cpl: number;
}

export function cpuModeOfHflags(hflags: number): CpuMode {
  const has = (bit: number): boolean => (hflags & bit) !== 0;
  const is64 = has(ModeBit.cs64);
  return {
    codeBits: is64 ? 64 : has(ModeBit.cs32) ? 32 : 16,
    stackBits: is64 ? 64 : has(ModeBit.ss32) ? 32 : 16,
    hasDescriptors: has(ModeBit.protected) && !has(ModeBit.vm86),
    isLong: has(ModeBit.long),
    cpl: hflags & ModeBit.cpl,
  };
}

/** The usual mode of code of this size: protected with a flat stack, at CPL 0; 16-bit code is real mode. */
export function usualMode(codeBits: 16 | 32 | 64): CpuMode {
  return {
    codeBits,
    stackBits: codeBits,
    hasDescriptors: codeBits !== 16,
    isLong: codeBits === 64,
    cpl: 0,
  };
}
