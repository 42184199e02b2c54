// SPDX-License-Identifier: Apache-2.0
// Which registers change, and which of them to a value that follows from another: enough to tell where two
// accesses of a block must lie relative to each other.

import {
  type Instruction,
  MemorySizeExt,
  Mnemonic,
  OpAccess,
  OpKind,
  Register,
  RegisterExt,
} from 'iced-x86';
import type { CpuMode } from './cpu-mode.ts';
import { fullRegisterName, type IcedUses } from './iced.ts';
import type { RegisterMove } from './instruction.ts';

export interface RegisterEffects {
  readonly clobbers: readonly string[];
  readonly moves: readonly RegisterMove[];
}

/** Registers that an address may depend on and that iced does not list as written. */
const SEGMENT_BASES: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Swapgs,
  Mnemonic.Wrmsr,
  Mnemonic.Wrgsbase,
  Mnemonic.Wrfsbase,
]);

export function registerEffects(
  instruction: Instruction,
  uses: IcedUses,
  mode: CpuMode,
): RegisterEffects {
  const clobbers = new Set<string>();
  for (const { register, access } of uses.registers) {
    const name = fullRegisterName(register);
    if (name !== undefined && isWrite(access)) clobbers.add(name);
  }
  if (SEGMENT_BASES.has(instruction.mnemonic)) for (const name of ['fs', 'gs']) clobbers.add(name);
  if (instruction.mnemonic === Mnemonic.Syscall) clobbers.add('rsp');
  return { clobbers: [...clobbers], moves: movesOf(instruction, uses, mode) };
}

function isWrite(access: OpAccess): boolean {
  return (
    access === OpAccess.Write ||
    access === OpAccess.CondWrite ||
    access === OpAccess.ReadWrite ||
    access === OpAccess.ReadCondWrite
  );
}

function movesOf(instruction: Instruction, uses: IcedUses, mode: CpuMode): readonly RegisterMove[] {
  switch (instruction.mnemonic) {
    case Mnemonic.Mov:
      return copyOf(instruction, mode);
    case Mnemonic.Lea:
      return leaOf(instruction, mode);
    case Mnemonic.Add:
      return sumOf(instruction, mode, 1n);
    case Mnemonic.Sub:
      return sumOf(instruction, mode, -1n);
    case Mnemonic.Inc:
      return stepOf(instruction, mode, 1n);
    case Mnemonic.Dec:
      return stepOf(instruction, mode, -1n);
    case Mnemonic.Leave:
      return uses.memory.map(({ memorySize }) => ({
        to: 'rsp',
        from: 'rbp',
        offset: BigInt(MemorySizeExt.size(memorySize)),
        bits: mode.stackBits,
      }));
    case Mnemonic.Push:
    case Mnemonic.Pushf:
    case Mnemonic.Pushfd:
    case Mnemonic.Pushfq:
    case Mnemonic.Pusha:
    case Mnemonic.Pushad:
    case Mnemonic.Pop:
    case Mnemonic.Popf:
    case Mnemonic.Popfd:
    case Mnemonic.Popfq:
    case Mnemonic.Popa:
    case Mnemonic.Popad:
      return stackStep(instruction, mode);
    default:
      return [];
  }
}

/** A whole address register is moved: narrower ones leave a part as it was. */
function isWhole(register: Register, mode: CpuMode): boolean {
  return RegisterExt.isGPR(register) && RegisterExt.size(register) * 8 === mode.codeBits;
}

function wholeRegister(
  instruction: Instruction,
  operand: number,
  mode: CpuMode,
): string | undefined {
  if (instruction.opKind(operand) !== OpKind.Register) return undefined;
  const register = instruction.opRegister(operand);
  return isWhole(register, mode) ? fullRegisterName(register) : undefined;
}

function copyOf(instruction: Instruction, mode: CpuMode): readonly RegisterMove[] {
  const to = wholeRegister(instruction, 0, mode);
  const from = wholeRegister(instruction, 1, mode);
  return to === undefined || from === undefined
    ? []
    : [{ to, from, offset: 0n, bits: mode.codeBits }];
}

function leaOf(instruction: Instruction, mode: CpuMode): readonly RegisterMove[] {
  const to = wholeRegister(instruction, 0, mode);
  const base = instruction.memoryBase;
  if (to === undefined || instruction.memoryIndex !== Register.None || !isWhole(base, mode))
    return [];
  const from = fullRegisterName(base);
  return from === undefined
    ? []
    : [{ to, from, offset: instruction.memoryDisplacement, bits: mode.codeBits }];
}

function sumOf(instruction: Instruction, mode: CpuMode, sign: 1n | -1n): readonly RegisterMove[] {
  const to = wholeRegister(instruction, 0, mode);
  if (to === undefined || !isImmediate(instruction.op1Kind)) return [];
  const offset = sign * BigInt.asIntN(64, instruction.immediate(1));
  return [{ to, from: to, offset, bits: mode.codeBits }];
}

function isImmediate(kind: OpKind): boolean {
  return kind >= OpKind.Immediate8 && kind <= OpKind.Immediate32to64;
}

function stepOf(instruction: Instruction, mode: CpuMode, step: bigint): readonly RegisterMove[] {
  const to = wholeRegister(instruction, 0, mode);
  return to === undefined ? [] : [{ to, from: to, offset: step, bits: mode.codeBits }];
}

function stackStep(instruction: Instruction, mode: CpuMode): readonly RegisterMove[] {
  const popsStackPointer =
    instruction.mnemonic === Mnemonic.Pop &&
    instruction.op0Kind === OpKind.Register &&
    fullRegisterName(instruction.op0Register) === 'rsp';
  if (popsStackPointer) return [];
  const offset = BigInt(instruction.stackPointerIncrement);
  return [{ to: 'rsp', from: 'rsp', offset, bits: mode.stackBits }];
}
