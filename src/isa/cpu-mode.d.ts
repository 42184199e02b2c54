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
export declare function cpuModeOfHflags(hflags: number): CpuMode;
/** The usual mode of code of this size: protected with a flat stack, at CPL 0; 16-bit code is real mode. */
export declare function usualMode(codeBits: 16 | 32 | 64): CpuMode;
//# sourceMappingURL=cpu-mode.d.ts.map
