import { type Instruction } from 'iced-x86';
import type { CpuMode } from './cpu-mode.ts';
import { type IcedUses } from './iced.ts';
import type { RegisterMove } from './instruction.ts';
export interface RegisterEffects {
  readonly clobbers: readonly string[];
  readonly moves: readonly RegisterMove[];
}
export declare function registerEffects(
  instruction: Instruction,
  uses: IcedUses,
  mode: CpuMode,
): RegisterEffects;
//# sourceMappingURL=register-effects.d.ts.map
