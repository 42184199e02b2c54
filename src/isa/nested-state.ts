// SPDX-License-Identifier: Apache-2.0
// What VMRUN, VMLOAD and VMSAVE access of a VMCB, by its physical address: AMD64 APM volume 2, 15.5 and appendix B. Of
// VMRUN the segment registers; what else it loads, and how it saves the host's state, which is in a form of its own,
// is not looked at.

import { type Instruction, Mnemonic } from 'iced-x86';
import type { ArchitecturalAccess, Direction } from './instruction.ts';

/** Bases of addresses: the VMCB, and where VMRUN saves the host's state. */
const VMCB = 'vmcb';
const HOST = 'host-state';

/** Of segment and table registers: 16 bytes each. */
const AT = {
  ...{ es: 0x400, cs: 0x410, ss: 0x420, ds: 0x430, fs: 0x440, gs: 0x450 },
  ...{ gdtr: 0x460, ldtr: 0x470, idtr: 0x480, tr: 0x490 },
} as const;
/** KernelGsBase, LSTAR, CSTAR, SFMASK, STAR and those of SYSENTER. */
const REGISTERS = [0x620, 0x608, 0x610, 0x618, 0x600, 0x628, 0x630, 0x638];

/** Selector, base, limit and attributes, as QEMU goes through them: the manual gives no order. */
const FIELDS = [
  [0, 2],
  [8, 8],
  [4, 4],
  [2, 2],
] as const;

function access(
  direction: Direction,
  base: string,
  offset: number,
  bytes: number,
): ArchitecturalAccess {
  return {
    ...{ direction, bytes, kind: 'vmcb', occurrence: 'always', condition: '' },
    address: {
      ...{ segment: 'physical', base, index: undefined, scale: 1 },
      ...{ displacement: BigInt(offset), addressBits: 64 },
    },
  };
}

function segments(
  direction: Direction,
  base: string,
  offsets: readonly number[],
): ArchitecturalAccess[] {
  return offsets.flatMap((at) =>
    FIELDS.map(([offset, bytes]) => access(direction, base, at + offset, bytes)),
  );
}

/** Undefined: it is none of the three. */
export function nestedStateAccesses({
  mnemonic,
}: Instruction): readonly ArchitecturalAccess[] | undefined {
  if (mnemonic === Mnemonic.Vmrun) {
    return [
      ...segments('store', HOST, [AT.es, AT.cs, AT.ss, AT.ds]),
      ...segments('load', VMCB, [AT.es, AT.cs, AT.ss, AT.ds, AT.idtr, AT.gdtr]),
    ];
  }
  if (mnemonic !== Mnemonic.Vmload && mnemonic !== Mnemonic.Vmsave) return undefined;
  const direction = mnemonic === Mnemonic.Vmload ? 'load' : 'store';
  return [
    ...segments(direction, VMCB, [AT.fs, AT.gs, AT.tr, AT.ldtr]),
    ...REGISTERS.map((at) => access(direction, VMCB, at, 8)),
  ];
}
