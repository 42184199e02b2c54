// SPDX-License-Identifier: Apache-2.0
// Task switches by JMP, CALL and IRET: SDM volume 3, 8.3, with TSSs of 32-bit format (8.2.1). Those of 16-bit
// format are not known here.

import type { CpuMode } from './cpu-mode.ts';
import type { ArchitecturalAccess, Direction } from './instruction.ts';
import { implied, marked, ofDescriptor } from './segment-loads.ts';

type Accesses = readonly ArchitecturalAccess[];

/** Bases of TSS fields' addresses: where the TSSs lie is not in the code. */
export const OLD_TSS = 'old-tss';
const NEW_TSS = 'new-tss';

/** Offsets in a TSS, SDM volume 3, figure 8-2. */
export const TssField = {
  link: 0,
  cr3: 0x1c,
  eip: 0x20,
  flags: 0x24,
  es: 0x48,
  ldt: 0x60,
  trap: 0x64,
} as const;

const SWITCH = 'the selector is that of another task';
const GATE = 'the selector is that of a task gate';
/** EIP, EFLAGS and the general registers; ES to GS. */
const WORDS = 10;
const SEGMENTS = 6;

/** Each way to switch: to a TSS or through a task gate; the old task is marked before or after its state is stored. */
export function taskSwitchForms(
  how: 'jump' | 'call' | 'return',
  mode: CpuMode,
): readonly Accesses[] {
  if (mode.isLong) return [];
  const gate = implied('load', 8, 'descriptor', GATE, 'always');
  const orders = how === 'call' ? [false] : [false, true];
  const direct = orders.map((marksFirst) => taskSwitch(how, mode, marksFirst));
  if (how === 'return') return direct;
  return [...direct, ...direct.map((form) => [gate, ...form])];
}

function taskSwitch(how: 'jump' | 'call' | 'return', mode: CpuMode, marksFirst: boolean): Accesses {
  const released = how === 'call' ? [] : busyBit('old-task', mode);
  const saved = stateFields('store', OLD_TSS);
  return [
    ...(how === 'return' ? [tss('load', OLD_TSS, TssField.link, 2)] : []),
    ...ofDescriptor('new-task', mode, [implied('load', 8, 'descriptor', SWITCH, 'always')]),
    tss('load', NEW_TSS, TssField.cr3, 4),
    ...stateFields('load', NEW_TSS),
    tss('load', NEW_TSS, TssField.ldt, 2),
    tss('load', NEW_TSS, TssField.trap, 2),
    ...(marksFirst ? [...released, ...saved] : [...saved, ...released]),
    ...(how === 'call' ? [tss('store', NEW_TSS, TssField.link, 2)] : []),
    ...(how === 'return' ? [] : busyBit('new-task', mode)),
    implied('load', 8, 'descriptor', `${SWITCH} (its LDT)`),
    ...Array.from({ length: SEGMENTS }, (_, i) =>
      ofDescriptor(`segment-${i}`, mode, [
        implied('load', 8, 'descriptor', `${SWITCH} (a segment that is not null)`),
        marked(`${SWITCH} (a segment whose accessed bit was clear)`),
      ]),
    ).flat(),
  ];
}

/** The busy bit of a TSS descriptor is set or cleared. */
function busyBit(task: string, mode: CpuMode): Accesses {
  const condition = `${SWITCH} (busy bit)`;
  return ofDescriptor(task, mode, [
    implied('load', 4, 'descriptor', condition, 'always'),
    implied('store', 4, 'descriptor', condition, 'always'),
  ]);
}

function stateFields(direction: Direction, base: string): Accesses {
  return [
    ...Array.from({ length: WORDS }, (_, i) => tss(direction, base, TssField.eip + 4 * i, 4)),
    ...Array.from({ length: SEGMENTS }, (_, i) => tss(direction, base, TssField.es + 4 * i, 2)),
  ];
}

function tss(
  direction: Direction,
  base: string,
  offset: number,
  bytes: number,
): ArchitecturalAccess {
  return {
    direction,
    bytes,
    kind: 'tss',
    occurrence: 'always',
    condition: SWITCH,
    address: {
      segment: 'tss',
      base,
      index: undefined,
      scale: 1,
      displacement: BigInt(offset),
      addressBits: 32,
    },
  };
}
