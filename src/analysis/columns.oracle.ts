// SPDX-License-Identifier: Apache-2.0
// Accesses and block executions as plain objects, and as the columns that analyses read. Test support.

import fc from 'fast-check';
import type { Capabilities, CodeTable } from '../format/index.ts';
import type { AccessColumns, RunColumns } from './access-columns.ts';
import type { TraceShape } from './analysis.ts';

export interface OracleAccess {
  readonly vaddr: bigint;
  readonly size: number;
  /** Without the bit of aborted ones. */
  readonly flags: number;
  readonly block: number;
  readonly insn: number;
  readonly cpl: number;
  readonly vcpu: number;
  readonly icount: number;
}

export interface OracleRun {
  readonly block: number;
  readonly executed: number;
  readonly vcpu: number;
  readonly continues: boolean;
}

/** Instructions of each block; 0: it stands for the delivery of an event. */
export const INSN_COUNTS: readonly number[] = [3, 1, 0, 5, 2];
export const VCPU_COUNT = 3;
export const LAST_ICOUNT = 1_000_000;

const PLAIN_SHAPE = {
  blockCount: INSN_COUNTS.length,
  vcpuCount: VCPU_COUNT,
  insnBase: Uint32Array.of(0, 3, 4, 5, 10, 12),
  blockCpl: Uint8Array.of(0, 3, 255, 0, 3),
  chunks: [],
  complete: true,
};

const refuseCapabilities = (): Capabilities => {
  throw new Error('these analyses do not look at them');
};

export const SHAPE: TraceShape = {
  ...PLAIN_SHAPE,
  get capabilities() {
    return refuseCapabilities();
  },
  get code(): CodeTable {
    throw new Error('these analyses do not look at the code');
  },
};

/**
 * Instructions of 4 bytes that differ in their last byte, of 64-bit code: where each begins, and that byte. Blocks 0, 1 and 3
 * overlap, as those of a loop do; block 4 begins with other code where block 0 ends, and goes on with that of block 3.
 */
const CODE_INSNS: readonly (readonly (readonly [number, number])[])[] = [
  [
    [0x1000, 1],
    [0x1004, 2],
    [0x1008, 3],
  ],
  [[0x1004, 2]],
  [],
  [
    [0x1004, 2],
    [0x1008, 3],
    [0x100c, 4],
    [0x1010, 5],
    [0x1014, 6],
  ],
  [
    [0x1008, 7],
    [0x100c, 4],
  ],
];

/** Which instruction each place is: letters are equal where code and address are. By hand. */
export const INSTRUCTIONS: readonly string[] = ['abc', 'b', '-', 'bcdef', 'Cd'];

export const CODE: CodeTable = {
  blockCount: INSN_COUNTS.length,
  vaddr: (id) => BigInt(CODE_INSNS[id]?.[0]?.[0] ?? 0),
  insnCount: (id) => CODE_INSNS[id]?.length ?? 0,
  mode: () => 0x8000,
  flags: (id) => (id === 2 ? 5 : 1),
  insnOffsets: (id) => Uint16Array.from(CODE_INSNS[id] ?? [], (_, insn) => 4 * insn),
  bytes: (id) => Uint8Array.from((CODE_INSNS[id] ?? []).flatMap(([, last]) => [0, 0, 0, last])),
};

export const SHAPE_WITH_CODE: TraceShape = {
  ...PLAIN_SHAPE,
  code: CODE,
  get capabilities() {
    return refuseCapabilities();
  },
};

export function pcOf({ block, insn }: Pick<OracleAccess, 'block' | 'insn'>): bigint {
  return BigInt(CODE_INSNS[block]?.[insn]?.[0] ?? 0);
}

const address = fc.oneof(
  fc.bigInt(0n, 0x1_ffffn),
  fc.bigInt(0xffff_8880_0000_0000n, 0xffff_8880_0000_ffffn),
  fc.bigInt(0n, 2n ** 64n - 1n),
  // At the end of a line, of a page, of a half.
  fc.constantFrom(0x3fn, 0xffen, 0xffff_ffffn, 0xffff_ffff_ffff_ffffn),
);

const place = fc.constantFrom(
  ...INSN_COUNTS.flatMap((count, block) =>
    Array.from({ length: Math.max(1, count) }, (_, insn) => ({ block, insn })),
  ),
);

const access: fc.Arbitrary<OracleAccess> = fc
  .record({
    vaddr: address,
    size: fc.constantFrom(1, 2, 4, 8, 16, 32, 64, 128),
    flags: fc.integer({ min: 0, max: 63 }).map((bits) => bits & ~2),
    origin: fc.constantFrom(0, 64, 128),
    place,
    cpl: fc.constantFrom(0, 3, 255, 1),
    vcpu: fc.nat(VCPU_COUNT - 1),
    icount: fc.nat(LAST_ICOUNT),
  })
  .map(({ place: where, origin, flags, ...rest }) => ({
    ...rest,
    ...where,
    flags: flags | origin,
  }));

/** Lists as long as allowed, too: fast-check's own size stops at some ten. */
export const accesses: fc.Arbitrary<OracleAccess[]> = fc.array(access, {
  ...{ maxLength: 100, size: 'max' },
});

/** 0 to 1, evenly: fast-check's own doubles are nearly all next to 0. */
const share = fc.nat(1000).map((part) => part / 1000);

export const runs: fc.Arbitrary<OracleRun[]> = fc.array(
  fc
    .record({
      block: fc.nat(INSN_COUNTS.length - 1),
      part: share,
      vcpu: fc.nat(VCPU_COUNT - 1),
      continues: fc.boolean(),
    })
    .map(({ block, part, vcpu, continues }) => {
      const executed = Math.round(part * (INSN_COUNTS[block] ?? 0));
      return { block, executed, vcpu, continues: continues && executed > 0 };
    }),
  { maxLength: 60, size: 'max' },
);

export function columnsOf(
  list: readonly OracleAccess[],
  blockRuns?: readonly OracleRun[],
): AccessColumns {
  return {
    length: list.length,
    vaddr: BigUint64Array.from(list, (one) => one.vaddr),
    size: Uint8Array.from(list, (one) => one.size),
    flags: Uint8Array.from(list, (one) => one.flags),
    block: Uint32Array.from(list, (one) => one.block),
    insn: Uint16Array.from(list, (one) => one.insn),
    cpl: Uint8Array.from(list, (one) => one.cpl),
    vcpu: Uint16Array.from(list, (one) => one.vcpu),
    icount: BigUint64Array.from(list, (one) => BigInt(one.icount)),
    ...(blockRuns === undefined ? {} : { runs: runColumns(blockRuns) }),
  };
}

function runColumns(list: readonly OracleRun[]): RunColumns {
  return {
    length: list.length,
    firstBlock: 0,
    block: Uint32Array.from(list, (one) => one.block),
    executed: Uint16Array.from(list, (one) => one.executed),
    vcpu: Uint16Array.from(list, (one) => one.vcpu),
    icount: new BigUint64Array(list.length),
    firstAccess: new Uint32Array(list.length),
    continues: Uint8Array.from(list, (one) => Number(one.continues)),
    shape: new Uint32Array(list.length),
  };
}

/** The lists cut at these parts of their lengths, to as many pieces. */
export function cutAt<T>(list: readonly T[], parts: readonly number[]): T[][] {
  const cuts = parts.map((part) => Math.round(part * list.length)).sort((a, b) => a - b);
  return [0, ...cuts].map((begin, i) => list.slice(begin, cuts[i] ?? list.length));
}

export const cuts: fc.Arbitrary<number[]> = fc.array(share, {
  minLength: 1,
  maxLength: 4,
});
