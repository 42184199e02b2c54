// SPDX-License-Identifier: Apache-2.0
// Instructions that access those elements of their operand that a mask register selects.

import {
  type Instruction,
  MemorySize,
  MemorySizeExt,
  Mnemonic,
  OpAccess,
  Register,
  RegisterExt,
} from 'iced-x86';
import type { IcedMemory, IcedUses } from './iced.ts';
import type { AddressExpression, ArchitecturalAccess, MaskedElements } from './instruction.ts';

/** Undefined: it is no such instruction. */
export function maskedAccesses(
  instruction: Instruction,
  uses: IcedUses,
  addressOf: (used: IcedMemory) => AddressExpression,
): readonly ArchitecturalAccess[] | undefined {
  const bytes = elementBytesOf(instruction);
  if (bytes === undefined) return undefined;
  const mask = maskOf(instruction);
  const make = (
    direction: ArchitecturalAccess['direction'],
    address: AddressExpression | undefined,
    elements: MaskedElements,
  ): ArchitecturalAccess => ({
    direction,
    bytes: elements.bytes * elements.count,
    kind: 'masked',
    occurrence: 'always',
    condition: '',
    address,
    elements,
  });
  if (instruction.isVsib) {
    const index = vectorName(instruction.memoryIndex);
    const indexBytes = instruction.isVsib64 ? 8 : 4;
    const count = Math.min(
      RegisterExt.size(instruction.memoryIndex) / indexBytes,
      RegisterExt.size(instruction.op0Register) / bytes,
    );
    const [used] = uses.memory;
    if (used === undefined) return undefined;
    const from = { ...addressOf(used), index };
    return [make('load', undefined, { bytes, count, mask, index: { bytes: indexBytes, from } })];
  }
  return uses.memory.map((used) => {
    const count = MemorySizeExt.size(used.memorySize) / bytes;
    const isLoad = used.access === OpAccess.Read || used.access === OpAccess.CondRead;
    return make(isLoad ? 'load' : 'store', addressOf(used), { bytes, count, mask });
  });
}

function elementBytesOf(instruction: Instruction): number | undefined {
  switch (instruction.mnemonic) {
    case Mnemonic.Maskmovq:
    case Mnemonic.Maskmovdqu:
    case Mnemonic.Vmaskmovdqu:
      return 1;
    case Mnemonic.Vmaskmovps:
    case Mnemonic.Vpmaskmovd:
      return hasMemory(instruction) ? 4 : undefined;
    case Mnemonic.Vmaskmovpd:
    case Mnemonic.Vpmaskmovq:
      return hasMemory(instruction) ? 8 : undefined;
    case Mnemonic.Vpgatherdd:
    case Mnemonic.Vpgatherqd:
    case Mnemonic.Vgatherdps:
    case Mnemonic.Vgatherqps:
      return 4;
    case Mnemonic.Vpgatherdq:
    case Mnemonic.Vpgatherqq:
    case Mnemonic.Vgatherdpd:
    case Mnemonic.Vgatherqpd:
      return 8;
    default:
      return undefined;
  }
}

function hasMemory(instruction: Instruction): boolean {
  return instruction.memorySize !== MemorySize.Unknown;
}

/** SDM volume 2, of each: the second operand of VMASKMOV, the third of gathers and MASKMOVDQU. */
function maskOf(instruction: Instruction): string | undefined {
  // Gathers of AVX-512 have a register of bits (k1) instead.
  if (instruction.opCount < 3) return undefined;
  const isMove = /^vp?maskmov(?:ps|pd|d|q)$/i.test(Mnemonic[instruction.mnemonic] ?? '');
  return vectorName(isMove ? instruction.op1Register : instruction.op2Register);
}

function vectorName(register: Register): string {
  return (Register[register] ?? '').toLowerCase();
}
