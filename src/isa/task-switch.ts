// SPDX-License-Identifier: Apache-2.0
// Task switches by JMP, CALL and IRET: SDM volume 3, 8.3, between TSSs of 32-bit and of 16-bit format (8.2.1, 8.6).

import type { CpuMode } from './cpu-mode.ts';
import type { ArchitecturalAccess, Direction } from './instruction.ts';
import { implied, marked, ofDescriptor } from './segment-loads.ts';

type Accesses = readonly ArchitecturalAccess[];

/** Bases of TSS fields' addresses: where the TSSs lie is not in the code. */
const OLD_TSS = 'old-tss';
const NEW_TSS = 'new-tss';

/** Where a TSS has what: offsets in it. SDM volume 3, figures 8-2 and 8-10. */
export interface TssFormat {
  /** CR3 and the T flag, which only a TSS of 32-bit format has. */
  readonly cr3: number | undefined;
  readonly trap: number | undefined;
  /** E/IP, E/FLAGS and the eight general registers, of so many bytes each. */
  readonly ip: number;
  readonly wordBytes: number;
  /** ES, CS, SS, DS, FS, GS, or the first four of them: two bytes each, so far apart as words are. */
  readonly es: number;
  readonly segments: number;
  readonly ldt: number;
  /** Its last byte. */
  readonly limit: number;
}

export const TSS_FORMATS: readonly TssFormat[] = [
  {
    ...{ cr3: 0x1c, ip: 0x20, wordBytes: 4, es: 0x48, segments: 6 },
    ...{ ldt: 0x60, trap: 0x64, limit: 103 },
  },
  {
    ...{ cr3: undefined, ip: 0x0e, wordBytes: 2, es: 0x22, segments: 4 },
    ...{ ldt: 0x2a, trap: undefined, limit: 43 },
  },
];

/** Of the selector of the task before. */
const LINK = 0;
const WORDS = 10;

/** What a task switch does with its TSSs, of the accesses of a form. */
export interface TssAccesses {
  /** The old TSS's. */
  readonly format: TssFormat;
  readonly savedFlags: ArchitecturalAccess;
  readonly returns: boolean;
  /** The new task's last field that is loaded. */
  readonly lastOfNew: ArchitecturalAccess;
  /** That is the T flag. */
  readonly isTrap: boolean;
}

/** Undefined: the form is no task switch. */
export function tssAccesses(form: Accesses): TssAccesses | undefined {
  const of = (base: string, direction: Direction): Accesses =>
    form.filter((one) => one.address?.base === base && one.direction === direction);
  const saved = of(OLD_TSS, 'store');
  const savedFlags = saved[1];
  const lastOfNew = of(NEW_TSS, 'load').at(-1);
  const format = TSS_FORMATS.find(({ wordBytes }) => wordBytes === saved[0]?.bytes);
  if (format === undefined || savedFlags === undefined || lastOfNew === undefined) return undefined;
  const { displacement } = lastOfNew.address ?? {};
  const isTrap = TSS_FORMATS.some(
    ({ trap }) => trap !== undefined && displacement === BigInt(trap),
  );
  return { format, savedFlags, lastOfNew, isTrap, returns: of(OLD_TSS, 'load').length > 0 };
}

const SWITCH = 'the selector is that of another task';
const GATE = 'the selector is that of a task gate';

/**
 * Each way to switch: to a TSS or through a task gate; the old task is marked before or after its state is stored; each
 * of the TSSs is of one format or the other.
 */
export function taskSwitchForms(
  how: 'jump' | 'call' | 'return',
  mode: CpuMode,
): readonly Accesses[] {
  if (mode.isLong) return [];
  const gate = implied('load', 8, 'descriptor', GATE, 'always');
  const orders = how === 'call' ? [false] : [false, true];
  const direct = TSS_FORMATS.flatMap((from) =>
    TSS_FORMATS.flatMap((to) => orders.map((first) => taskSwitch(how, mode, from, to, first))),
  );
  if (how === 'return') return direct;
  return [...direct, ...direct.map((form) => [gate, ...form])];
}

function taskSwitch(
  how: 'jump' | 'call' | 'return',
  mode: CpuMode,
  from: TssFormat,
  to: TssFormat,
  marksFirst: boolean,
): Accesses {
  const released = how === 'call' ? [] : busyBit('old-task', mode);
  const saved = stateFields('store', OLD_TSS, from);
  return [
    ...(how === 'return' ? [tss('load', OLD_TSS, LINK, 2)] : []),
    ...ofDescriptor('new-task', mode, [implied('load', 8, 'descriptor', SWITCH, 'always')]),
    ...(to.cr3 === undefined ? [] : [tss('load', NEW_TSS, to.cr3, 4)]),
    ...stateFields('load', NEW_TSS, to),
    tss('load', NEW_TSS, to.ldt, 2),
    ...(to.trap === undefined ? [] : [tss('load', NEW_TSS, to.trap, 2)]),
    ...(marksFirst ? [...released, ...saved] : [...saved, ...released]),
    ...(how === 'call' ? [tss('store', NEW_TSS, LINK, 2)] : []),
    ...(how === 'return' ? [] : busyBit('new-task', mode)),
    implied('load', 8, 'descriptor', `${SWITCH} (its LDT)`),
    ...Array.from({ length: to.segments }, (_, i) =>
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

function stateFields(
  direction: Direction,
  base: string,
  { ip, wordBytes, es, segments }: TssFormat,
): Accesses {
  const at = (count: number, begin: number, bytes: number): Accesses =>
    Array.from({ length: count }, (_, i) => tss(direction, base, begin + wordBytes * i, bytes));
  return [...at(WORDS, ip, wordBytes), ...at(segments, es, 2)];
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
