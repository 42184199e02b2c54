// SPDX-License-Identifier: Apache-2.0
// The part of the CPU's state that decides what code means: QEMU's hflags, as the code table has them.

/** Bits of QEMU's hflags (target/i386/cpu.h), as docs/format.md section 2 lists them. */
const HFLAGS = { cpl: 3, cs32: 4, ss32: 5, pe: 7, lma: 14, cs64: 15, vm86: 17 } as const;

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
  const has = (bit: number): boolean => (hflags & (1 << bit)) !== 0;
  const is64 = has(HFLAGS.cs64);
  return {
    codeBits: is64 ? 64 : has(HFLAGS.cs32) ? 32 : 16,
    stackBits: is64 ? 64 : has(HFLAGS.ss32) ? 32 : 16,
    hasDescriptors: has(HFLAGS.pe) && !has(HFLAGS.vm86),
    isLong: has(HFLAGS.lma),
    cpl: hflags & HFLAGS.cpl,
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
