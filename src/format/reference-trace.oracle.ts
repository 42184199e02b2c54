// SPDX-License-Identifier: Apache-2.0
// What the reference encoder takes and the reference decoder gives: plain objects, one per access.
// Test support; shares nothing with the reader.

export interface RefBlock {
  readonly vaddr: bigint;
  /** hflags; undefined: not known. */
  readonly mode: number | undefined;
  readonly lastRep: boolean;
  /** Length of each instruction; none: the block stands for the delivery of an event. */
  readonly insnLengths: readonly number[];
  /** Its bytes; default: some that mean nothing. */
  readonly code?: Uint8Array;
}

export interface RefAccess {
  readonly insn: number;
  readonly store: boolean;
  readonly sizeLog2: number;
  readonly vaddr: bigint;
  /** Device addresses of the access's parts: part 0 whole or in the first page, part 1 in the second. */
  readonly device?: readonly { readonly part: number; readonly paddr: bigint }[];
  readonly phys?: boolean;
  /** By the MMU; vaddr is physical. */
  readonly pageWalk?: boolean;
  /** A port note before it. */
  readonly port?: {
    readonly insn: number;
    readonly port: number;
    readonly what: number;
    readonly value: number;
  };
  /** All pages are forgotten before it. */
  readonly unmapBefore?: boolean;
}

export interface RefExecution {
  readonly type: 'block';
  readonly id: number;
  readonly accesses: readonly RefAccess[];
  readonly cut?: { readonly executed: number; readonly aborted: number; readonly cause: number };
}

export type RefItem =
  | RefExecution
  | { readonly type: 'vcpu'; readonly vcpu: number }
  | { readonly type: 'cr3'; readonly cr3: bigint }
  | {
      readonly type: 'event';
      readonly what: number;
      readonly error: bigint;
      readonly ip: bigint;
      readonly cr2: bigint;
    }
  | { readonly type: 'unmap' }
  | { readonly type: 'gap'; readonly hostNs: bigint }
  | { readonly type: 'attributes'; readonly bits: number }
  | {
      readonly type: 'region';
      readonly first: bigint;
      readonly last: bigint;
      readonly name: string;
    }
  /** The chunk ends here. */
  | { readonly type: 'seal' };

export interface RefTrace {
  readonly blocks: readonly RefBlock[];
  /** Items of each stream. */
  readonly streams: readonly (readonly RefItem[])[];
}

/** Everything there is to know of one access. */
export interface SeenAccess {
  readonly stream: number;
  readonly ordinal: number;
  readonly vcpu: number;
  readonly icount: bigint;
  readonly pc: bigint;
  readonly vaddr: bigint;
  /** All ones when it is not known. */
  readonly paddr: bigint;
  /** Of the part in the second page; undefined when it does not cross. */
  readonly secondPaddr: bigint | undefined;
  readonly size: number;
  readonly store: boolean;
  readonly aborted: boolean;
  readonly device: boolean;
  readonly phys: boolean;
  /** 0 instruction, 1 event delivery, 2 page walk. */
  readonly origin: number;
  readonly block: number;
  readonly insn: number;
  /** 255 when it is not known. */
  readonly cpl: number;
  readonly cr3: bigint;
}

export interface SeenBlock {
  readonly stream: number;
  readonly id: number;
  readonly icount: bigint;
  readonly vcpu: number;
  readonly executed: number;
  readonly firstAccess: number;
}

export interface SeenTrace {
  readonly accesses: readonly SeenAccess[];
  readonly blocks: readonly SeenBlock[];
  readonly instructions: number;
}

export const NO_ADDRESS = 0xffff_ffff_ffff_ffffn;

export function signExtend48(value: bigint): bigint {
  return BigInt.asUintN(64, BigInt.asIntN(48, value));
}
