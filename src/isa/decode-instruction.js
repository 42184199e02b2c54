// SPDX-License-Identifier: Apache-2.0
// Bytes -> what the instruction is and does to memory and registers.
import { architecturalAccesses } from './architectural-accesses.js';
import { usualMode } from './cpu-mode.js';
import { formatText, mnemonicName, usesOf, withInstruction } from './iced.js';
import { registerEffects } from './register-effects.js';
/** Decodes the first instruction of bytes. Where it stands in memory changes nothing of what is returned. */
export function decodeInstruction(bytes, mode) {
  return withInstruction(bytes, mode, 0n, (instruction) => {
    const uses = usesOf(instruction);
    const isString = !instruction.isInvalid && instruction.isStringInstruction;
    const isRepeated = isString && (instruction.hasRepPrefix || instruction.hasRepnePrefix);
    return {
      mnemonic: nameOf(instruction, isRepeated),
      length: instruction.length,
      isString,
      isRepeated,
      accesses: instruction.isInvalid ? [] : architecturalAccesses(instruction, uses, mode),
      ...registerEffects(instruction, uses, mode),
    };
  });
}
/** Disassembly in NASM's syntax; vaddr, of the instruction, decides the targets of branches. */
export function formatInstruction(bytes, mode = usualMode(64), vaddr = 0n) {
  return withInstruction(bytes, mode, vaddr, formatText);
}
/** Its mnemonic with a rep prefix that matters: "mov", "rep stosq". Quicker than decodeInstruction. */
export function nameInstruction(bytes, mode) {
  return withInstruction(bytes, mode, 0n, (instruction) => {
    const isString = !instruction.isInvalid && instruction.isStringInstruction;
    return nameOf(
      instruction,
      isString && (instruction.hasRepPrefix || instruction.hasRepnePrefix),
    );
  });
}
function nameOf(instruction, isRepeated) {
  const name = mnemonicName(instruction);
  if (!isRepeated) return name;
  if (instruction.hasRepnePrefix) return `repne ${name}`;
  return `${/^(cmps|scas)/.test(name) ? 'repe' : 'rep'} ${name}`;
}
//# sourceMappingURL=decode-instruction.js.map
