// SPDX-License-Identifier: Apache-2.0
// Which icounts a chunk can hold, from what it and the next one restate of their vCPUs: nothing is decoded.

import type { ChunkInfo } from './chunk-header.ts';

/** Of the accesses and block executions of a vCPU in a chunk; both ends belong to it. */
export interface IcountRange {
  /** Undefined: any that the chunk does not list. */
  readonly vcpu: number | undefined;
  readonly first: bigint;
  readonly last: bigint;
}

const NO_REP = 2n ** 64n - 1n;

/**
 * Every access and block execution of the chunk is within the range of its vCPU, or of an undefined one (docs/format.md
 * 3.7). `next`: the following chunk of the same stream, which lists every vCPU that ran before it.
 */
export function icountRanges(
  chunk: Pick<ChunkInfo, 'vcpu' | 'vcpuStates' | 'instructionCount'>,
  next: Pick<ChunkInfo, 'vcpu' | 'vcpuStates'> | undefined,
): readonly IcountRange[] {
  const { vcpuStates } = chunk;
  // A rep string instruction that goes on has been counted before: its icount may be, and may stay, one less.
  const uncounted = vcpuStates.filter(({ pendingRep }) => pendingRep !== NO_REP).length;
  const most = BigInt(chunk.instructionCount + uncounted);
  const after = new Map(next?.vcpuStates.map(({ vcpu, icount }) => [vcpu, icount]));
  const ranges: IcountRange[] = vcpuStates.map(({ vcpu, icount, pendingRep }) => ({
    vcpu,
    first: pendingRep === NO_REP || icount === 0n ? icount : icount - 1n,
    // Accesses of an instruction that was cut, or of a delivery, have the icount that the next chunk begins with.
    last: after.get(vcpu) ?? icount + most,
  }));
  // One that the chunk does not list has not run before it.
  if (next === undefined) return [...ranges, { vcpu: undefined, first: 0n, last: most }];
  const others = new Set([chunk.vcpu, next.vcpu, ...after.keys()]);
  for (const { vcpu } of vcpuStates) others.delete(vcpu);
  return [
    ...ranges,
    ...[...others].map((vcpu) => ({ vcpu, first: 0n, last: after.get(vcpu) ?? 0n })),
  ];
}
