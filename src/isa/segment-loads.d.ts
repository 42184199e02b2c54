import type { CpuMode } from './cpu-mode.ts';
import type { ArchitecturalAccess } from './instruction.ts';
/** A data or stack segment register is loaded with a selector. */
export declare function dataSegmentLoad(mode: CpuMode): readonly ArchitecturalAccess[];
/** JMP and CALL to a selector: a code segment, or a call gate and then the code segment it names. */
export declare function farBranch(mode: CpuMode, isCall: boolean): readonly ArchitecturalAccess[];
/** RETF and IRET: the code segment; on return to an outer level, or by IRETQ, the stack segment too. */
export declare function farReturn(mode: CpuMode): readonly ArchitecturalAccess[];
export declare function farReturnStack(mode: CpuMode): readonly ArchitecturalAccess[];
/** LAR, LSL, VERR, VERW only look. */
export declare function descriptorLook(mode: CpuMode): readonly ArchitecturalAccess[];
export declare function taskRegisterLoad(mode: CpuMode): readonly ArchitecturalAccess[];
export declare function localTableLoad(mode: CpuMode): readonly ArchitecturalAccess[];
/** IN, OUT, INS and OUTS look into the I/O permission bitmap unless CPL is 0 (then CPL <= IOPL). */
export declare function portPermission(mode: CpuMode): readonly ArchitecturalAccess[];
//# sourceMappingURL=segment-loads.d.ts.map
