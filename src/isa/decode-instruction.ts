// SPDX-License-Identifier: Apache-2.0
// Bytes -> what the instruction is and does to memory and registers.

import type { Instruction } from 'iced-x86';
import { architecturalAccesses } from './architectural-accesses.ts';
import { type CpuMode, usualMode } from './cpu-mode.ts';
import { featureNames, formatText, mnemonicName, usesOf, withInstruction } from './iced.ts';
import type { DecodedInstruction } from './instruction.ts';
import { registerEffects } from './register-effects.ts';

/** Decodes the first instruction of bytes. Where it stands in memory changes nothing of what is returned. */
export function decodeInstruction(bytes: Uint8Array, mode: CpuMode): DecodedInstruction {
  return withInstruction(bytes, mode, 0n, (instruction) => {
    const uses = usesOf(instruction);
    const isString = !instruction.isInvalid && instruction.isStringInstruction;
    const isRepeated = isString && (instruction.hasRepPrefix || instruction.hasRepnePrefix);
    return {
      mnemonic: nameOf(instruction, isRepeated),
      length: instruction.length,
      isString,
      isRepeated,
      isLocked: instruction.hasLockPrefix,
      ...(instruction.isInvalid
        ? { accesses: [], otherForms: [] }
        : architecturalAccesses(instruction, uses, mode)),
      ...registerEffects(instruction, uses, mode),
    };
  });
}

/** Disassembly in NASM's syntax; vaddr, of the instruction, decides the targets of branches. */
export function formatInstruction(
  bytes: Uint8Array,
  mode: CpuMode = usualMode(64),
  vaddr: bigint = 0n,
): string {
  return withInstruction(bytes, mode, vaddr, formatText);
}

/** Its mnemonic with a rep prefix that matters: "mov", "rep stosq". Quicker than decodeInstruction. */
export function nameInstruction(bytes: Uint8Array, mode: CpuMode): string {
  return withInstruction(bytes, mode, 0n, (instruction) => {
    const isString = !instruction.isInvalid && instruction.isStringInstruction;
    return nameOf(
      instruction,
      isString && (instruction.hasRepPrefix || instruction.hasRepnePrefix),
    );
  });
}

/** Features of CPUID without which the first instruction is an invalid opcode: 'INVPCID', 'AVX2'. */
export function neededFeatures(bytes: Uint8Array, mode: CpuMode): string[] {
  return withInstruction(bytes, mode, 0n, featureNames);
}

function nameOf(instruction: Instruction, isRepeated: boolean): string {
  const name = mnemonicName(instruction);
  if (!isRepeated) return name;
  if (instruction.hasRepnePrefix) return `repne ${name}`;
  return `${/^(cmps|scas)/.test(name) ? 'repe' : 'rep'} ${name}`;
}
