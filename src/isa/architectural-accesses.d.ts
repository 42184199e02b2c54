import { type Instruction } from 'iced-x86';
import type { CpuMode } from './cpu-mode.ts';
import { type IcedUses } from './iced.ts';
import type { ArchitecturalAccess } from './instruction.ts';
export declare function architecturalAccesses(
  instruction: Instruction,
  uses: IcedUses,
  mode: CpuMode,
): readonly ArchitecturalAccess[];
//# sourceMappingURL=architectural-accesses.d.ts.map
