import { Instruction, type MemorySize, type OpAccess, Register } from 'iced-x86';
import type { CpuMode } from './cpu-mode.ts';
/** Decodes the first instruction of bytes; use gets it and may not keep it. */
export declare function withInstruction<T>(
  bytes: Uint8Array,
  mode: CpuMode,
  vaddr: bigint,
  use: (instruction: Instruction) => T,
): T;
/** A memory operand or an implied access, as iced gives it. */
export interface IcedMemory {
  readonly access: OpAccess;
  readonly memorySize: MemorySize;
  readonly segment: Register;
  readonly base: Register;
  readonly index: Register;
  readonly scale: number;
  readonly displacement: bigint;
}
export interface IcedUses {
  readonly memory: readonly IcedMemory[];
  readonly registers: readonly {
    readonly register: Register;
    readonly access: OpAccess;
  }[];
}
export declare function usesOf(instruction: Instruction): IcedUses;
export declare function formatText(instruction: Instruction): string;
export declare function mnemonicName(instruction: Instruction): string;
/** 'rax' for EAX, AX and AL; 'ds', 'rip', 'zmm0'. Undefined for none. */
export declare function fullRegisterName(register: Register): string | undefined;
//# sourceMappingURL=iced.d.ts.map
