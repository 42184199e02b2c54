// SPDX-License-Identifier: Apache-2.0

/** Bits of a block's CPU mode: QEMU's hflags (target/i386/cpu.h), those that docs/format.md section 2 lists. `cpl` is two. */
export const ModeBit = {
  cpl: 3,
  cs32: 0x10,
  ss32: 0x20,
  protected: 0x80,
  long: 0x4000,
  cs64: 0x8000,
  vm86: 0x2_0000,
  smm: 0x8_0000,
} as const;
