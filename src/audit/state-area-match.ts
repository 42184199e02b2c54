// SPDX-License-Identifier: Apache-2.0
// Accesses of a state area against its layout. Where the area begins follows from the accesses; that all others
// then fall on fields is the proof.

import { type StateField, UNKEPT_COMPONENT } from '../isa/index.ts';

export interface AreaAccess {
  readonly address: bigint;
  readonly bytes: number;
}

export interface AreaMatch {
  /** Offset of each access in the area; undefined: it is on no field. */
  readonly offsets: readonly (number | undefined)[];
  /** Fields that had to be accessed whole and were not. */
  readonly missing: number;
}

export const XSAVE_ALIGNMENT = 64n;
const FXSAVE_ALIGNMENT = 16n;

/** What an area's address must be a multiple of: SDM volume 1, 13.4 and volume 2, FXSAVE; FLDENV and FRSTOR: none. */
export function alignmentOf(fields: readonly StateField[]): bigint {
  if (fields.some(({ component }) => component === 'xstate-bv')) return XSAVE_ALIGNMENT;
  return fields.some(({ component }) => component === 'x87-environment') ? 1n : FXSAVE_ALIGNMENT;
}

export function matchArea(
  fields: readonly StateField[],
  begin: bigint,
  accesses: readonly AreaAccess[],
  isPartial: boolean,
): AreaMatch {
  const covered = new Map<StateField, number>();
  const taken = new Set<number>();
  const offsets = accesses.map(({ address, bytes }) => {
    const offset = Number(BigInt.asIntN(64, address - begin));
    const field = fields.find(
      (one) => offset >= one.offset && offset + bytes <= one.offset + one.bytes,
    );
    const range = Array.from({ length: bytes }, (_, i) => offset + i);
    if (field === undefined || range.some((byte) => taken.has(byte))) return undefined;
    for (const byte of range) taken.add(byte);
    covered.set(field, (covered.get(field) ?? 0) + bytes);
    return offset;
  });
  return { offsets, missing: isPartial ? 0 : countMissing(fields, covered) };
}

/** A component that is optional may be left out, but not in part. */
function countMissing(
  fields: readonly StateField[],
  covered: ReadonlyMap<StateField, number>,
): number {
  const touched = new Set([...covered.keys()].map(({ component }) => component));
  // SDM volume 1, 13.5.2: MXCSR goes with SSE.
  if (touched.has('sse')) touched.add('mxcsr');
  // What is reserved beside the registers is not stored without them.
  if (touched.has('x87-reserved')) touched.add('x87');
  return fields.filter(
    (field) =>
      field.component !== UNKEPT_COMPONENT &&
      (!field.optional || touched.has(field.component)) &&
      covered.get(field) !== field.bytes,
  ).length;
}
