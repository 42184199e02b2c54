// SPDX-License-Identifier: Apache-2.0
// The part of the CPU's state that decides what code means: QEMU's hflags, as the code table has them.
/** Bits of QEMU's hflags (target/i386/cpu.h), as docs/format.md section 2 lists them. */
const HFLAGS = { cpl: 3, cs32: 4, ss32: 5, pe: 7, lma: 14, cs64: 15, vm86: 17 };
export function cpuModeOfHflags(hflags) {
  const has = (bit) => (hflags & (1 << bit)) !== 0;
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
export function usualMode(codeBits) {
  return {
    codeBits,
    stackBits: codeBits,
    hasDescriptors: codeBits !== 16,
    isLong: codeBits === 64,
    cpl: 0,
  };
}
//# sourceMappingURL=cpu-mode.js.map
