// SPDX-License-Identifier: Apache-2.0
// The decoder that everything here is drawn from: iced-x86, compiled to WebAssembly. Its objects live in the
// module's own memory and must be freed.
import {
  Decoder,
  DecoderOptions,
  Formatter,
  FormatterSyntax,
  Instruction,
  InstructionInfoFactory,
  Mnemonic,
  Register,
  RegisterExt,
} from 'iced-x86';

let shared;
function sharedObjects() {
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
export function withInstruction(bytes, mode, vaddr, use) {
  const { instruction } = sharedObjects();
  const decoder = new Decoder(mode.codeBits, bytes, DecoderOptions.None);
  decoder.ip = vaddr;
  decoder.decodeOut(instruction);
  decoder.free();
  return use(instruction);
}
export function usesOf(instruction) {
  const info = sharedObjects().info.info(instruction);
  const memory = info.usedMemory().map((used) => {
    const { access, memorySize, segment, base, index, scale, displacement } = used;
    used.free();
    return { access, memorySize, segment, base, index, scale, displacement };
  });
  const registers = info.usedRegisters().map((used) => {
    const { register, access } = used;
    used.free();
    return { register, access };
  });
  info.free();
  return { memory, registers };
}
export function formatText(instruction) {
  return sharedObjects().formatter.format(instruction);
}
export function mnemonicName(instruction) {
  return instruction.isInvalid ? '(bad)' : (Mnemonic[instruction.mnemonic] ?? '').toLowerCase();
}
/** 'rax' for EAX, AX and AL; 'ds', 'rip', 'zmm0'. Undefined for none. */
export function fullRegisterName(register) {
  if (register === Register.None) return undefined;
  return Register[RegisterExt.fullRegister(register)]?.toLowerCase();
}
//# sourceMappingURL=iced.js.map
