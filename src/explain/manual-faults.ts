// SPDX-License-Identifier: Apache-2.0
// Exceptions that the manual has for where an operand lies, and QEMU does not have, or has others instead. Pure.

import type { ExpectedAccess } from './expected.ts';
import { type MachineState, SEGMENT_BASES } from './machine-state.ts';

export interface ManualFault {
  readonly vector: number;
  readonly why: string;
}

export const GENERAL_PROTECTION = 13;
const STACK_FAULT = 12;

/** Of real mode (SDM volume 3, 20.1.1 and 5.3); 32-bit code here has segments of 4 GiB, 64-bit code none. */
const REAL_MODE_LIMIT = 0xffffn;

/** Iterations that are looked at: in 16-bit code there are no more. */
const MOST_OCCURRENCES = 0x10000;

/** Undefined: the manual has none for what is accessed in any case. */
export function operandFault(
  expected: readonly ExpectedAccess[],
  state: MachineState,
): ManualFault | undefined {
  if (state.bits === 32) return undefined;
  for (const one of expected) {
    const { access, count, mayEndEarly, addressAt } = one;
    const segment = access.address?.segment;
    if (segment === undefined || access.kind === 'masked') continue;
    if (access.occurrence === 'conditional') continue;
    const times = Math.min(mayEndEarly ? 1 : count, count, MOST_OCCURRENCES);
    for (let at = 0; at < times; at++) {
      const first = addressAt(at);
      const why = first === undefined ? '' : problemOf(first, access.bytes, segment, state);
      if (why !== '') {
        return { vector: segment === 'ss' ? STACK_FAULT : GENERAL_PROTECTION, why };
      }
    }
  }
  return undefined;
}

function problemOf(first: bigint, bytes: number, segment: string, state: MachineState): string {
  const length = BigInt(bytes);
  if (state.bits === 64) {
    return isCanonical(first) && isCanonical(first + length - 1n)
      ? ''
      : 'an operand reaches an address that is not canonical';
  }
  const offset = BigInt.asUintN(32, first - (SEGMENT_BASES[state.bits].get(segment) ?? 0n));
  return offset + length - 1n <= REAL_MODE_LIMIT
    ? ''
    : `an operand reaches beyond the limit of its segment, 0x${REAL_MODE_LIMIT.toString(16)}, and QEMU checks no limits`;
}

/** Of 48 bits (SDM volume 1, 3.3.7.1). */
function isCanonical(address: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(48, address)) === BigInt.asUintN(64, address);
}
