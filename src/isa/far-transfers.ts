// SPDX-License-Identifier: Apache-2.0
// JMP, CALL and RET to another segment, and IRET: SDM volume 3, 6.8 (gates and stacks), 8.3 (tasks), and the
// operation sections of volume 2. What they access depends on the descriptor that they find. Each way to go is
// a form, a whole set of accesses: an execution has those of one.

import { type Instruction, Mnemonic, OpKind } from 'iced-x86';
import type { CpuMode } from './cpu-mode.ts';
import type { AddressExpression, ArchitecturalAccess, Direction } from './instruction.ts';
import { codeSegmentLoad, implied, marked, ofDescriptor, outerStackLoad } from './segment-loads.ts';
import { taskSwitchForms } from './task-switch.ts';

type Accesses = readonly ArchitecturalAccess[];

export interface Prescribed {
  readonly accesses: Accesses;
  readonly otherForms: readonly Accesses[];
}

/** A call gate copies up to so many parameters (SDM volume 3, 6.8.3). */
const MOST_PARAMETERS = 31;

/** listed: operand and stack accesses as the encoding has them. Undefined: it is no far transfer. */
export function farTransfer(
  instruction: Instruction,
  listed: Accesses,
  mode: CpuMode,
): Prescribed | undefined {
  switch (instruction.mnemonic) {
    case Mnemonic.Jmp:
      return instruction.isJmpFar || instruction.isJmpFarIndirect
        ? farJump(listed, mode)
        : undefined;
    case Mnemonic.Call:
      return instruction.isCallFar || instruction.isCallFarIndirect
        ? farCall(listed, mode)
        : undefined;
    case Mnemonic.Retf: {
      const isDropping = instruction.opCount > 0 && instruction.op0Kind === OpKind.Immediate16;
      return farReturnForms(listed, mode, isDropping ? instruction.immediate16 : 0);
    }
    case Mnemonic.Iret:
    case Mnemonic.Iretd:
    case Mnemonic.Iretq:
      return interruptReturn(listed, mode);
    default:
      return undefined;
  }
}

function farJump(listed: Accesses, mode: CpuMode): Prescribed {
  if (!mode.hasDescriptors) return { accesses: listed, otherForms: [] };
  return {
    accesses: [...listed, ...codeSegmentLoad()],
    otherForms: [
      [...listed, ...callGate(mode), ...codeOf(mode)],
      ...taskSwitchForms('jump', mode).map((form) => [...listed, ...form]),
    ],
  };
}

function farCall(listed: Accesses, mode: CpuMode): Prescribed {
  if (!mode.hasDescriptors) return { accesses: listed, otherForms: [] };
  const operand = listed.filter(({ kind }) => kind === 'operand');
  const pushed = listed.filter(({ kind }) => kind === 'stack');
  const toGate = [...operand, ...callGate(mode), ...codeOf(mode)];
  // The gate, not the operand size, says how wide what is pushed is.
  const gateBytes = mode.isLong ? [8] : [4, 2];
  const bits = mode.stackBits;
  return {
    accesses: [...operand, ...codeSegmentLoad(), ...pushed],
    otherForms: [
      ...gateBytes.map((bytes) => [
        ...toGate,
        ...counted(2, (i) => onStack('store', 'rsp', -bytes * (i + 1), bytes, bits, SAME_LEVEL)),
      ]),
      ...(mode.cpl === 0
        ? []
        : gateBytes.flatMap((bytes) =>
            counted(mode.isLong ? 1 : MOST_PARAMETERS + 1, (parameters) =>
              (mode.isLong ? [8] : [4, 2]).map((tssBytes) => [
                ...toGate,
                ...innerStack(mode, bytes, tssBytes, parameters),
              ]),
            ).flat(),
          )),
      ...taskSwitchForms('call', mode).map((form) => [...operand, ...form]),
    ],
  };
}

const SAME_LEVEL = 'the call gate leads to the same privilege level';
const INNER_LEVEL = 'the call gate leads to an inner privilege level';
const OUTER_LEVEL = 'it returns to an outer privilege level';
const VIRTUAL_8086 = 'it returns to virtual-8086 mode';

function callGate(mode: CpuMode): Accesses {
  const gate = 'the selector is that of a call gate';
  return [
    implied('load', 8, 'descriptor', gate, 'always'),
    ...(mode.isLong
      ? [implied('load', 8, 'descriptor', `${gate} (its upper half)`, 'always')]
      : []),
  ];
}

function codeOf(mode: CpuMode): Accesses {
  return ofDescriptor('code', mode, codeSegmentLoad());
}

function outerStackOf(mode: CpuMode): Accesses {
  return ofDescriptor('stack', mode, outerStackLoad(mode));
}

/**
 * The stack of the inner level, from the TSS, where its pointer has tssBytes; the old one and the parameters go there,
 * then where to return to.
 */
function innerStack(mode: CpuMode, bytes: number, tssBytes: number, parameters: number): Accesses {
  const pointer = implied('load', tssBytes, 'tss', `${INNER_LEVEL} (stack pointer)`, 'always');
  const fromTss = mode.isLong
    ? [pointer]
    : [
        pointer,
        implied('load', 2, 'tss', `${INNER_LEVEL} (stack selector)`, 'always'),
        ...ofDescriptor('stack', mode, [
          implied('load', 8, 'descriptor', `${INNER_LEVEL} (stack segment)`, 'always'),
          marked(`${INNER_LEVEL}, and the accessed bit of the stack segment was clear`),
        ]),
      ];
  const bits = mode.isLong ? 64 : 32;
  return [
    ...fromTss,
    ...counted(parameters, (i) =>
      onStack('load', 'rsp', bytes * (parameters - 1 - i), bytes, mode.stackBits, INNER_LEVEL),
    ),
    ...counted(parameters + 4, (i) =>
      onStack('store', 'inner-rsp', -bytes * (i + 1), bytes, bits, INNER_LEVEL),
    ),
  ];
}

function farReturnForms(listed: Accesses, mode: CpuMode, dropped: number): Prescribed {
  if (!mode.hasDescriptors) return { accesses: listed, otherForms: [] };
  const same = [...listed, ...codeSegmentLoad()];
  const outer = [...popped(listed, 2, dropped, OUTER_LEVEL), ...outerStackOf(mode)];
  return { accesses: same, otherForms: [[...listed, ...codeOf(mode), ...outer]] };
}

/** IRET pops offset, selector and flags; IRETQ, and return to an outer level, stack pointer and selector too. */
function interruptReturn(listed: Accesses, mode: CpuMode): Prescribed {
  if (!mode.hasDescriptors) return { accesses: listed, otherForms: [] };
  const inner = listed.slice(0, 3);
  const same = [...inner, ...codeSegmentLoad()];
  if (mode.codeBits === 64) {
    return { accesses: [...same, ...listed.slice(3), ...outerStackLoad(mode)], otherForms: [] };
  }
  const toVirtual = [...inner, ...popped(inner, 6, 0, VIRTUAL_8086)];
  return {
    accesses: same,
    otherForms: [
      [...inner, ...codeOf(mode), ...popped(inner, 2, 0, OUTER_LEVEL), ...outerStackOf(mode)],
      ...(mode.isLong || mode.cpl !== 0 ? [] : [toVirtual]),
      ...taskSwitchForms('return', mode),
    ],
  };
}

/** What is popped besides, behind what was popped and `dropped` bytes of parameters. */
function popped(inner: Accesses, count: number, dropped: number, condition: string): Accesses {
  const last = inner.at(-1);
  if (last === undefined) return [];
  const { address, bytes } = last;
  return counted(count, (i) => ({
    ...last,
    condition,
    address: address && {
      ...address,
      displacement: address.displacement + BigInt(dropped + bytes * (i + 1)),
    },
  }));
}

function onStack(
  direction: Direction,
  base: string,
  displacement: number,
  bytes: number,
  addressBits: 16 | 32 | 64,
  condition: string,
): ArchitecturalAccess {
  const address: AddressExpression = {
    segment: base === 'rsp' ? 'ss' : 'inner-ss',
    base,
    index: undefined,
    scale: 1,
    displacement: BigInt(displacement),
    addressBits,
  };
  return { direction, bytes, kind: 'stack', occurrence: 'always', condition, address };
}

function counted<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
