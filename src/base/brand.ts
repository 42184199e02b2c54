// SPDX-License-Identifier: Apache-2.0
// Kinds of number. A branded number is a plain number at run time; the compiler refuses to pass one
// kind where another is wanted, and arithmetic gives back a plain number that must be named again.

declare const brandKey: unique symbol;

export type Brand<T, Name extends string> = T & { readonly [brandKey]: Name };

/** Position of an access among all accesses of a trace (exact in a double up to 2^53). */
export type Ordinal = Brand<number, 'Ordinal'>;
/** Instructions a vCPU has executed. */
export type Icount = Brand<number, 'Icount'>;
export type VcpuIndex = Brand<number, 'VcpuIndex'>;
export type ChunkIndex = Brand<number, 'ChunkIndex'>;

/** The only doors from a plain number: a promise by the caller, checked for being a count. */
export function ordinalFromNumber(value: number): Ordinal {
  return requireCount(value, 'ordinal') as Ordinal;
}

export function icountFromNumber(value: number): Icount {
  return requireCount(value, 'icount') as Icount;
}

export function vcpuIndexFromNumber(value: number): VcpuIndex {
  return requireCount(value, 'vCPU index') as VcpuIndex;
}

export function chunkIndexFromNumber(value: number): ChunkIndex {
  return requireCount(value, 'chunk index') as ChunkIndex;
}

function requireCount(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${what} must be a whole number from 0 to 2^53-1, not ${value}`);
  }
  return value;
}
