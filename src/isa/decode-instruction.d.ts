import { type CpuMode } from './cpu-mode.ts';
import type { DecodedInstruction } from './instruction.ts';
/** Decodes the first instruction of bytes. Where it stands in memory changes nothing of what is returned. */
export declare function decodeInstruction(bytes: Uint8Array, mode: CpuMode): DecodedInstruction;
/** Disassembly in NASM's syntax; vaddr, of the instruction, decides the targets of branches. */
export declare function formatInstruction(
  bytes: Uint8Array,
  mode?: CpuMode,
  vaddr?: bigint,
): string;
/** Its mnemonic with a rep prefix that matters: "mov", "rep stosq". Quicker than decodeInstruction. */
export declare function nameInstruction(bytes: Uint8Array, mode: CpuMode): string;
//# sourceMappingURL=decode-instruction.d.ts.map
