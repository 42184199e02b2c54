// SPDX-License-Identifier: Apache-2.0
// The decoder that everything here is drawn from: iced-x86, compiled to WebAssembly. Its objects live in the
// module's own memory and must be freed.

import {
  CpuidFeature,
  Decoder,
  DecoderOptions,
  Formatter,
  FormatterSyntax,
  Instruction,
  InstructionInfoFactory,
  type MemorySize,
  Mnemonic,
  type OpAccess,
  Register,
  RegisterExt,
  type UsedMemory,
  type UsedRegister,
} from 'iced-x86';
import type { CpuMode } from './cpu-mode.ts';

let shared:
  | {
      readonly info: InstructionInfoFactory;
      readonly formatter: Formatter;
      readonly instruction: Instruction;
    }
  | undefined;

function sharedObjects(): NonNullable<typeof shared> {
  if (shared === undefined) {
    const formatter = new Formatter(FormatterSyntax.Nasm);
    formatter.hexPrefix = '0x';
    formatter.hexSuffix = '';
    formatter.uppercaseHex = false;
    formatter.spaceAfterOperandSeparator = true;
    shared = { info: new InstructionInfoFactory(), formatter, instruction: new Instruction() };
  }
  return shared;
}

/** Decodes the first instruction of bytes; use gets it and may not keep it. */
export function withInstruction<T>(
  bytes: Uint8Array,
  mode: CpuMode,
  vaddr: bigint,
  use: (instruction: Instruction) => T,
): T {
  const { instruction } = sharedObjects();
  const decoder = new Decoder(mode.codeBits, bytes, DecoderOptions.None);
  decoder.ip = vaddr;
  decoder.decodeOut(instruction);
  decoder.free();
  return use(instruction);
}

/** Names of iced's CpuidFeature. */
export function featureNames(instruction: Instruction): string[] {
  return Array.from(instruction.cpuidFeatures(), (feature) => CpuidFeature[feature] ?? '');
}

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
  readonly registers: readonly { readonly register: Register; readonly access: OpAccess }[];
}

export function usesOf(instruction: Instruction): IcedUses {
  const info = sharedObjects().info.info(instruction);
  const memory = info.usedMemory().map((used: UsedMemory): IcedMemory => {
    const { access, memorySize, segment, base, index, scale, displacement } = used;
    used.free();
    return { access, memorySize, segment, base, index, scale, displacement };
  });
  const registers = info.usedRegisters().map((used: UsedRegister) => {
    const { register, access } = used;
    used.free();
    return { register, access };
  });
  info.free();
  return { memory, registers };
}

export function formatText(instruction: Instruction): string {
  return sharedObjects().formatter.format(instruction);
}

export function mnemonicName(instruction: Instruction): string {
  return instruction.isInvalid ? '(bad)' : (Mnemonic[instruction.mnemonic] ?? '').toLowerCase();
}

/** 'rax' for EAX, AX and AL; 'ds', 'rip', 'zmm0'. Undefined for none. */
export function fullRegisterName(register: Register): string | undefined {
  if (register === Register.None) return undefined;
  return Register[RegisterExt.fullRegister(register)]?.toLowerCase();
}
