// SPDX-License-Identifier: Apache-2.0
// The accesses that the manual prescribes for an instruction, in the order of its operation section where
// that gives one. iced-x86 knows memory operands and stack accesses; what follows from selectors, masks and
// feature sets is added here.

import {
  type Instruction,
  MemorySize,
  MemorySizeExt,
  Mnemonic,
  OpAccess,
  OpKind,
  Register,
  RegisterExt,
} from 'iced-x86';
import type { CpuMode } from './cpu-mode.ts';
import { farTransfer, type Prescribed } from './far-transfers.ts';
import { fullRegisterName, type IcedMemory, type IcedUses } from './iced.ts';
import type {
  AccessKind,
  AddressExpression,
  ArchitecturalAccess,
  Direction,
  Occurrence,
  StateField,
} from './instruction.ts';
import { maskedAccesses } from './masked-elements.ts';
import { nestedStateAccesses } from './nested-state.ts';
import {
  dataSegmentLoad,
  descriptorLook,
  localTableLoad,
  portPermission,
  taskRegisterLoad,
} from './segment-loads.ts';
import { areaBytes, environmentFields, fxsaveFields, xsaveFields } from './state-area.ts';

/** Cache control and hints have a memory operand and access no data (SDM volume 2, each instruction). */
const WITHOUT_ACCESS: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Clflush,
  Mnemonic.Clflushopt,
  Mnemonic.Clwb,
  Mnemonic.Cldemote,
  Mnemonic.Monitor,
  Mnemonic.Invlpg,
]);

const BIT_STRINGS: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Bt,
  Mnemonic.Bts,
  Mnemonic.Btr,
  Mnemonic.Btc,
]);

const COMPARE_EXCHANGE: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Cmpxchg,
  Mnemonic.Cmpxchg8b,
  Mnemonic.Cmpxchg16b,
]);

export function architecturalAccesses(
  instruction: Instruction,
  uses: IcedUses,
  mode: CpuMode,
): Prescribed {
  const special = specialAccesses(instruction, uses, mode);
  if (special !== undefined) return { accesses: special, otherForms: [] };
  const listed = inOrder(
    instruction,
    uses.memory.flatMap((used) => listedAccess(instruction, used, mode)),
  );
  return (
    farTransfer(instruction, listed, mode) ?? {
      accesses: withImplied(instruction, listed, mode),
      otherForms: [],
    }
  );
}

/** Those that are not their memory operands and stack accesses as iced lists them. */
function specialAccesses(
  instruction: Instruction,
  uses: IcedUses,
  mode: CpuMode,
): readonly ArchitecturalAccess[] | undefined {
  if (WITHOUT_ACCESS.has(instruction.mnemonic)) return [];
  const area = stateArea(instruction, uses, mode) ?? nestedStateAccesses(instruction);
  if (area !== undefined) return area;
  return maskedAccesses(instruction, uses, (used) => addressOf(instruction, used, 'operand', mode));
}

/** What MOVS and POP store they have loaded before; iced lists the destination first. */
function inOrder(
  instruction: Instruction,
  listed: readonly ArchitecturalAccess[],
): readonly ArchitecturalAccess[] {
  const isMove =
    instruction.mnemonic === Mnemonic.Pop ||
    (instruction.isStringInstruction && listed.length === 2);
  if (!isMove) return listed;
  const isLoad = ({ direction }: ArchitecturalAccess): boolean => direction === 'load';
  return [...listed.filter(isLoad), ...listed.filter((access) => !isLoad(access))];
}

function listedAccess(
  instruction: Instruction,
  used: IcedMemory,
  mode: CpuMode,
): readonly ArchitecturalAccess[] {
  const isRepeated =
    instruction.isStringInstruction && (instruction.hasRepPrefix || instruction.hasRepnePrefix);
  const size = used.memorySize === MemorySize.Unknown ? instruction.memorySize : used.memorySize;
  const kind = kindOf(instruction, used);
  const directions = directionsOf(instruction, used.access);
  return directions.map(({ direction, isSure }) => {
    const occurrence: Occurrence = isRepeated ? 'per-iteration' : isSure ? 'always' : 'conditional';
    return {
      direction,
      bytes: MemorySizeExt.size(size),
      kind,
      occurrence,
      condition: occurrence === 'conditional' ? 'as its operands decide' : '',
      address: hasKnownAddress(instruction) ? addressOf(instruction, used, kind, mode) : undefined,
    };
  });
}

function directionsOf(
  instruction: Instruction,
  access: OpAccess,
): readonly { readonly direction: Direction; readonly isSure: boolean }[] {
  const load = { direction: 'load', isSure: true } as const;
  const store = { direction: 'store', isSure: true } as const;
  switch (access) {
    case OpAccess.Read:
      return [load];
    case OpAccess.Write:
      return [store];
    case OpAccess.ReadWrite:
      return [load, store];
    case OpAccess.CondRead:
      return [{ ...load, isSure: false }];
    case OpAccess.CondWrite:
      return [{ ...store, isSure: false }];
    case OpAccess.ReadCondWrite:
      // SDM: the destination of CMPXCHG "receives a write cycle without regard to the result".
      return [load, { ...store, isSure: COMPARE_EXCHANGE.has(instruction.mnemonic) }];
    case OpAccess.None:
    case OpAccess.NoMemAccess:
      return [];
    default:
      throw new Error(`internal: iced gave an access of kind ${String(access)}`);
  }
}

function kindOf(instruction: Instruction, used: IcedMemory): AccessKind {
  if (instruction.isStringInstruction) return 'string';
  return isExplicit(instruction, used) ? 'operand' : 'stack';
}

/** It is the memory operand of the encoding; else it is implied, and of the stack. */
function isExplicit(instruction: Instruction, used: IcedMemory): boolean {
  if (!instruction.isStackInstruction && instruction.mnemonic !== Mnemonic.Leave) return true;
  for (let operand = 0; operand < instruction.opCount; operand++) {
    if (instruction.opKind(operand) !== OpKind.Memory) continue;
    if (instruction.mnemonic === Mnemonic.Pop) return used.access === OpAccess.Write;
    return used.access === OpAccess.Read;
  }
  return false;
}

/** Bit offsets in a register move the operand; XLAT adds AL to it. */
function hasKnownAddress(instruction: Instruction): boolean {
  if (instruction.mnemonic === Mnemonic.Xlatb) return false;
  const isBitString = BIT_STRINGS.has(instruction.mnemonic);
  return !(isBitString && instruction.op1Kind === OpKind.Register);
}

function addressOf(
  instruction: Instruction,
  used: IcedMemory,
  kind: AccessKind,
  mode: CpuMode,
): AddressExpression {
  const isRipRelative = kind === 'operand' && instruction.isIpRelMemoryOperand;
  const addressBits = kind === 'stack' ? mode.stackBits : addressBitsOf(instruction, used);
  const displacement = isRipRelative ? used.displacement - instruction.nextIP : used.displacement;
  // iced takes the stack to be as wide as the code: 16-bit code may have a 32-bit one.
  const displacementBits = kind === 'stack' ? bitsOf(RegisterExt.size(used.base)) : addressBits;
  return {
    segment: fullRegisterName(used.segment) ?? 'ds',
    base: isRipRelative ? 'rip' : fullRegisterName(used.base),
    index: fullRegisterName(used.index),
    scale: used.scale,
    displacement: BigInt.asIntN(displacementBits, displacement),
    addressBits,
  };
}

function addressBitsOf(instruction: Instruction, used: IcedMemory): 16 | 32 | 64 {
  const register = used.base === Register.None ? used.index : used.base;
  if (register !== Register.None && !RegisterExt.isVectorRegister(register)) {
    return bitsOf(RegisterExt.size(register));
  }
  if (instruction.isIpRelMemoryOperand) {
    return bitsOf(RegisterExt.size(instruction.memoryBase));
  }
  // No general register: the displacement is as wide as the address (iced: 8 where 64-bit code extends its sign).
  return bitsOf(instruction.memoryDisplSize);
}

function bitsOf(sizeBytes: number): 16 | 32 | 64 {
  return sizeBytes === 8 ? 64 : sizeBytes === 2 ? 16 : 32;
}

/** Adds what selectors and the I/O bitmap imply. */
function withImplied(
  instruction: Instruction,
  listed: readonly ArchitecturalAccess[],
  mode: CpuMode,
): readonly ArchitecturalAccess[] {
  switch (instruction.mnemonic) {
    case Mnemonic.Mov:
    case Mnemonic.Pop:
      return isDataSegment(instruction) ? [...listed, ...dataSegmentLoad(mode)] : listed;
    case Mnemonic.Lds:
    case Mnemonic.Les:
    case Mnemonic.Lfs:
    case Mnemonic.Lgs:
    case Mnemonic.Lss:
      return [...listed, ...dataSegmentLoad(mode)];
    case Mnemonic.Lar:
    case Mnemonic.Lsl:
    case Mnemonic.Verr:
    case Mnemonic.Verw:
      return [...listed, ...descriptorLook(mode)];
    case Mnemonic.Ltr:
      return [...listed, ...taskRegisterLoad(mode)];
    case Mnemonic.Lldt:
      return [...listed, ...localTableLoad(mode)];
    case Mnemonic.In:
    case Mnemonic.Out:
    case Mnemonic.Insb:
    case Mnemonic.Insw:
    case Mnemonic.Insd:
    case Mnemonic.Outsb:
    case Mnemonic.Outsw:
    case Mnemonic.Outsd:
      return [...portPermission(mode), ...listed];
    default:
      return listed;
  }
}

function isDataSegment(instruction: Instruction): boolean {
  return (
    instruction.op0Kind === OpKind.Register &&
    RegisterExt.isSegmentRegister(instruction.op0Register)
  );
}

function stateArea(
  instruction: Instruction,
  uses: IcedUses,
  mode: CpuMode,
): readonly ArchitecturalAccess[] | undefined {
  const is64 = mode.codeBits === 64;
  const [used] = uses.memory;
  if (used === undefined) return undefined;
  const area = (direction: Direction, fields: readonly StateField[]): ArchitecturalAccess => ({
    direction,
    bytes: areaBytes(fields),
    kind: 'state-area',
    occurrence: 'always',
    condition: '',
    address: addressOf(instruction, used, 'operand', mode),
    fields,
  });
  const make = (direction: Direction, isLegacy: boolean): ArchitecturalAccess =>
    area(direction, isLegacy ? fxsaveFields(is64, direction) : xsaveFields(is64, direction));
  switch (instruction.mnemonic) {
    case Mnemonic.Fxsave:
    case Mnemonic.Fxsave64:
      return [make('store', true)];
    case Mnemonic.Fxrstor:
    case Mnemonic.Fxrstor64:
      return [make('load', true)];
    // XSTATE_BV is read, merged and written; the other forms of XSAVE may leave out the reading.
    case Mnemonic.Xsave:
    case Mnemonic.Xsave64:
    case Mnemonic.Xsaveopt:
    case Mnemonic.Xsaveopt64:
      return [make('load', false), make('store', false)];
    case Mnemonic.Xrstor:
    case Mnemonic.Xrstor64:
      return [make('load', false)];
    case Mnemonic.Fldenv:
    case Mnemonic.Frstor: {
      const hasRegisters = instruction.mnemonic === Mnemonic.Frstor;
      const { memorySize } = used;
      const isShort = memorySize === MemorySize.FpuEnv14 || memorySize === MemorySize.FpuState94;
      return [area('load', environmentFields(isShort, hasRegisters))];
    }
    default:
      return undefined;
  }
}
