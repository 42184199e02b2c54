// SPDX-License-Identifier: Apache-2.0
// Layout of the areas of FXSAVE and XSAVE (SDM volume 1, 10.5 and 13.4), and which fields an instruction
// touches.

import type { Direction, StateField } from './instruction.ts';

const LEGACY_BYTES = 512;

function legacyFields(
  is64: boolean,
  direction: Direction,
  isOptional: (component: string) => boolean,
): StateField[] {
  const field = (component: string, offset: number, bytes: number): StateField => ({
    component,
    offset,
    bytes,
    optional: isOptional(component),
  });
  const x87 = [
    field('x87', 0, 2), // FCW
    field('x87', 2, 2), // FSW
    field('x87', 4, 2), // abridged FTW, and a reserved byte
    field('x87-opcode', 6, 2), // FOP
    field('x87-pointers', 8, 8), // FIP
    field('x87-pointers', 16, 8), // FDP
    ...counted(8, (i) => field('x87', 32 + 16 * i, 10)),
  ];
  return [
    ...x87,
    field('mxcsr', 24, 4),
    // Restoring need not look at MXCSR_MASK.
    field(direction === 'store' ? 'mxcsr' : 'mxcsr-mask', 28, 4),
    ...counted(is64 ? 16 : 8, (i) => field('sse', 160 + 16 * i, 16)),
  ];
}

/** Of the environment: QEMU does not keep x87's last instruction, and leaves these out when it restores. */
export const UNKEPT_COMPONENT = 'environment-pointers';

/** FLDENV and FRSTOR (SDM volume 1, 8.1.10); what is reserved is not listed. */
export function environmentFields(isShort: boolean, hasRegisters: boolean): readonly StateField[] {
  const step = isShort ? 2 : 4;
  const x87 = (offset: number, bytes: number): StateField => ({
    component: 'x87-environment',
    offset,
    bytes,
    optional: false,
  });
  return [
    ...counted(3, (i) => x87(step * i, 2)), // control, status, tags
    { component: UNKEPT_COMPONENT, offset: 3 * step, bytes: 4 * step, optional: false },
    ...(hasRegisters ? counted(8, (i) => x87(7 * step + 10 * i, 10)) : []),
  ];
}

/** FXSAVE and FXRSTOR: with CR4.OSFXSR clear or EFER.FFXSR set the SSE part may be left out. */
export function fxsaveFields(is64: boolean, direction: Direction): readonly StateField[] {
  return legacyFields(is64, direction, (component) => component !== 'x87');
}

/** XSAVE header: XSTATE_BV, always; XCOMP_BV and what must be zero may be looked at. */
const HEADER_FIELDS: readonly StateField[] = [
  { component: 'xstate-bv', offset: LEGACY_BYTES, bytes: 8, optional: false },
  { component: 'xcomp-bv', offset: LEGACY_BYTES + 8, bytes: 8, optional: true },
  ...counted(6, (i) => ({
    component: `header-${i}`,
    offset: LEGACY_BYTES + 16 + 8 * i,
    bytes: 8,
    optional: true,
  })),
];

/** State components of the standard format beyond SSE: offset and bytes (CPUID leaf 13 on all known CPUs). */
const EXTENDED: readonly {
  readonly component: string;
  readonly offset: number;
  readonly bytes: number;
}[] = [
  { component: 'avx', offset: 576, bytes: 256 },
  { component: 'bndregs', offset: 960, bytes: 64 },
  { component: 'bndcsr', offset: 1024, bytes: 16 },
  { component: 'opmask', offset: 1088, bytes: 64 },
  { component: 'zmm-hi256', offset: 1152, bytes: 512 },
  { component: 'hi16-zmm', offset: 1664, bytes: 1024 },
  { component: 'pkru', offset: 2688, bytes: 4 },
];

/** The XSAVE family in the standard format: the feature mask in EDX:EAX and XCR0 choose components. */
export function xsaveFields(is64: boolean, direction: Direction): readonly StateField[] {
  const words = EXTENDED.flatMap(({ component, offset, bytes }) =>
    counted(Math.ceil(bytes / 8), (i) => ({
      component,
      offset: offset + 8 * i,
      bytes: Math.min(8, bytes - 8 * i),
      optional: true,
    })),
  );
  return [...legacyFields(is64, direction, () => true), ...HEADER_FIELDS, ...words];
}

export function areaBytes(fields: readonly StateField[]): number {
  const isEnvironment = fields.some(({ component }) => component === 'x87-environment');
  return Math.max(
    isEnvironment ? 0 : LEGACY_BYTES,
    ...fields.map(({ offset, bytes }) => offset + bytes),
  );
}

function counted<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
