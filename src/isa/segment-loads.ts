// SPDX-License-Identifier: Apache-2.0
// Accesses to descriptor tables and the task state segment that instructions imply: SDM volume 3, chapters
// 3.4 and 6 to 8, and the operation sections of volume 2. Nothing of it in real and virtual-8086 mode.

import type { CpuMode } from './cpu-mode.ts';
import type { ArchitecturalAccess, Occurrence } from './instruction.ts';

/** What no operand says. A condition makes it conditional, but where a form as a whole has it. */
export function implied(
  direction: 'load' | 'store',
  bytes: number,
  kind: 'descriptor' | 'tss',
  condition: string,
  occurrence: Occurrence = condition === '' ? 'always' : 'conditional',
): ArchitecturalAccess {
  return { direction, bytes, kind, occurrence, condition, address: undefined };
}

/** Accesses of one descriptor, whatever its address: a store is of the upper half of what was loaded. */
export function ofDescriptor(
  name: string,
  mode: CpuMode,
  accesses: readonly ArchitecturalAccess[],
): readonly ArchitecturalAccess[] {
  return accesses.map((access) => ({
    ...access,
    address: {
      segment: 'table',
      base: `${name}-descriptor`,
      index: undefined,
      scale: 1,
      displacement: access.bytes === 8 ? 0n : 4n,
      addressBits: mode.isLong ? 64 : 32,
    },
  }));
}

/** The word of a descriptor that holds its type is written back with the accessed (or busy) bit set. */
export function marked(condition: string): ArchitecturalAccess {
  return implied('store', 4, 'descriptor', condition);
}

const ACCESSED_CLEAR = 'the accessed bit of the descriptor was clear';

/** A data or stack segment register is loaded with a selector. */
export function dataSegmentLoad(mode: CpuMode): readonly ArchitecturalAccess[] {
  if (!mode.hasDescriptors) return [];
  return [
    implied('load', 8, 'descriptor', 'the selector is not null'),
    marked(`the selector is not null, and ${ACCESSED_CLEAR}`),
  ];
}

/** The descriptor of the code segment that a far transfer leads to. */
export function codeSegmentLoad(): readonly ArchitecturalAccess[] {
  return [implied('load', 8, 'descriptor', ''), marked(ACCESSED_CLEAR)];
}

/** On return to an outer level, and by IRETQ; only 64-bit code may have a stack selector that is null. */
export function outerStackLoad({ isLong }: CpuMode): readonly ArchitecturalAccess[] {
  const popped = 'a stack selector that is not null is popped';
  return [
    implied('load', 8, 'descriptor', popped, isLong ? 'conditional' : 'always'),
    marked(`${popped}, and ${ACCESSED_CLEAR}`),
  ];
}

/** LAR, LSL, VERR, VERW only look. */
export function descriptorLook(mode: CpuMode): readonly ArchitecturalAccess[] {
  return mode.hasDescriptors
    ? [implied('load', 8, 'descriptor', 'the selector is not null and inside its table')]
    : [];
}

export function taskRegisterLoad(mode: CpuMode): readonly ArchitecturalAccess[] {
  return [...systemDescriptor(mode, ''), marked('')];
}

export function localTableLoad(mode: CpuMode): readonly ArchitecturalAccess[] {
  return systemDescriptor(mode, 'the selector is not null');
}

function systemDescriptor(mode: CpuMode, condition: string): readonly ArchitecturalAccess[] {
  if (!mode.hasDescriptors) return [];
  const reserved = 'the word that must be zero is looked at';
  return [
    implied('load', 8, 'descriptor', condition),
    ...(mode.isLong
      ? [implied('load', 4, 'descriptor', condition), implied('load', 4, 'descriptor', reserved)]
      : []),
  ];
}

/** IN, OUT, INS and OUTS look into the I/O permission bitmap unless CPL is 0 (then CPL <= IOPL). */
export function portPermission(mode: CpuMode): readonly ArchitecturalAccess[] {
  const isVm86 = !mode.hasDescriptors && mode.cpl === 3;
  if (mode.cpl === 0 || !(mode.hasDescriptors || isVm86)) return [];
  const condition = 'CPL is above IOPL, or the mode is virtual-8086';
  return [
    implied('load', 2, 'tss', `${condition} (offset of the bitmap)`),
    implied('load', 2, 'tss', `${condition} (two bytes of the bitmap)`),
  ];
}
