// SPDX-License-Identifier: Apache-2.0
// Single accesses with all that is known of them. They are picked while a chunk is decoded, batch by batch, so that a
// list costs what it shows and not what the chunk holds; what was picked last is kept.

import { setImmediate } from 'node:timers/promises';
import { formatHex64, halves } from '../base/index.ts';
import {
  type AccessBatch,
  AccessFlag,
  type ColumnName,
  Origin,
  type Trace,
} from '../format/index.ts';
import type { CodeNames } from '../query/index.ts';
import { formatSymbolPlace, type GuestSymbols } from '../symbols/index.ts';
import type { AccessRow } from './protocol.ts';

export interface Access {
  readonly ordinal: number;
  readonly icount: number;
  readonly vcpu: number;
  readonly flags: number;
  readonly size: number;
  /** 255: not known. */
  readonly cpl: number;
  readonly block: number;
  readonly insn: number;
  readonly vaddr: bigint;
  /** UNKNOWN: not known. */
  readonly pc: bigint;
  readonly paddr: bigint;
  readonly cr3: bigint | undefined;
}

export const UNKNOWN: bigint = 2n ** 64n - 1n;
const CPL_UNKNOWN = 255;

/** Some 400 bytes each. */
const MOST_KEPT = 2 ** 14;

export interface AccessReader {
  /**
   * Accesses of these ordinals, ascending, in their order; beyond the end there are none. `ahead`: what will be asked
   * for next, picked while it costs little. Throws as the trace does.
   */
  read(
    stream: number,
    ordinals: readonly number[],
    ahead: readonly number[],
    signal: AbortSignal,
  ): Promise<Access[]>;
}

/** All that the trace has of what is shown of an access. */
export function rowColumns({ capabilities }: Pick<Trace, 'capabilities'>): ColumnName[] {
  return [
    ...(['vaddr', 'pc', 'icount', 'size', 'flags', 'vcpu', 'block', 'insn', 'cpl'] as const),
    ...(capabilities.paddr.status === 'no' ? [] : (['paddr'] as const)),
    ...(capabilities['address-space'].status === 'no' ? [] : (['cr3'] as const)),
  ];
}

export function createAccessReader(trace: Trace): AccessReader {
  const columns = rowColumns(trace);
  // By ordinal, of each stream; the oldest are let go first.
  const kept = new Map<number, Map<number, Access>>();
  const keep = (stream: number, access: Access): void => {
    const ofStream = kept.get(stream) ?? new Map<number, Access>();
    kept.set(stream, ofStream);
    ofStream.set(access.ordinal, access);
    if (ofStream.size <= MOST_KEPT) return;
    for (const oldest of ofStream.keys()) {
      ofStream.delete(oldest);
      if (ofStream.size <= MOST_KEPT / 2) break;
    }
  };
  return {
    async read(stream, ordinals, ahead, signal) {
      const isThere = (ordinal: number): boolean => kept.get(stream)?.has(ordinal) ?? false;
      if (!ordinals.every(isThere)) {
        const missing = [...ordinals, ...ahead].filter((ordinal) => !isThere(ordinal));
        for (const { from, to } of chunkRanges(trace, stream, missing)) {
          const wanted = missing.filter((ordinal) => ordinal >= from && ordinal < to);
          let at = 0;
          const range = { stream, from: wanted[0], to: wanted[wanted.length - 1] + 1 };
          const batches = trace.accesses({ ...range, columns, includeAborted: true, signal });
          for await (const batch of batches) {
            for (; at < wanted.length && wanted[at] < batch.endOrdinal; at++) {
              keep(stream, accessAt(batch, wanted[at] - batch.firstOrdinal));
            }
            await setImmediate(); // others are waiting, too
          }
        }
      }
      const found = ordinals.map((ordinal) => kept.get(stream)?.get(ordinal));
      return found.filter((access) => access !== undefined);
    },
  };
}

/** The chunks that hold one of these ordinals. */
function chunkRanges(
  { chunks }: Trace,
  stream: number,
  ordinals: readonly number[],
): { readonly from: number; readonly to: number }[] {
  const first = ordinals.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const last = ordinals.reduce((a, b) => Math.max(a, b), -1);
  return chunks
    .filter((chunk) => chunk.stream === stream)
    .map(({ firstOrdinal, accessCount }) => ({
      from: firstOrdinal,
      to: firstOrdinal + accessCount,
    }))
    .filter(({ from, to }) => from <= last && to > first)
    .filter(({ from, to }) => ordinals.some((ordinal) => ordinal >= from && ordinal < to));
}

/** `batch` has rowColumns. */
export function accessAt(batch: AccessBatch, i: number): Access {
  const wide = (column: BigUint64Array | undefined): bigint => column?.[i] ?? UNKNOWN;
  const narrow = (column: ArrayLike<number> | undefined): number => column?.[i] ?? 0;
  const icount = batch.icount === undefined ? undefined : halves(batch.icount);
  return {
    ordinal: batch.firstOrdinal + i,
    icount: icount === undefined ? 0 : icount[2 * i + 1] * 2 ** 32 + icount[2 * i],
    vcpu: narrow(batch.vcpu),
    flags: narrow(batch.flags),
    size: narrow(batch.size),
    cpl: narrow(batch.cpl),
    block: narrow(batch.block),
    insn: narrow(batch.insn),
    vaddr: wide(batch.vaddr),
    pc: wide(batch.pc),
    paddr: wide(batch.paddr),
    cr3: batch.cr3?.[i],
  };
}

/** What a row says of the instruction. */
type RowCode = Pick<AccessRow, 'place' | 'disassembly'>;

const NO_CODE: RowCode = { place: null, disassembly: null };

export function rowCodeOf(
  block: number,
  insn: number,
  names: CodeNames,
  symbols: GuestSymbols,
): RowCode {
  const { lo, hi } = names.addressOf(block, insn);
  const place = symbols.findCode(block, lo, hi);
  return {
    place: place === undefined ? null : formatSymbolPlace(place),
    disassembly: names.textOf(block, insn),
  };
}

/** `codeOf`: rowCodeOf, or what remembers it. */
export function rowOf(access: Access, codeOf: (block: number, insn: number) => RowCode): AccessRow {
  const { block, insn, flags, pc } = access;
  const isPhysical = (flags & AccessFlag.physicalOnly) !== 0;
  const { place, disassembly } = originOf(flags) === 'instruction' ? codeOf(block, insn) : NO_CODE;
  return {
    ordinal: access.ordinal,
    icount: access.icount,
    vcpu: access.vcpu,
    cpl: access.cpl === CPL_UNKNOWN ? null : access.cpl,
    pc: hexOf(pc),
    place,
    disassembly,
    vaddr: isPhysical ? null : hexOf(access.vaddr),
    paddr: isPhysical ? hexOf(access.vaddr) : hexOf(access.paddr),
    size: access.size,
    kind: (flags & AccessFlag.store) === 0 ? 'load' : 'store',
    origin: originOf(flags),
    device: (flags & AccessFlag.device) !== 0,
    aborted: (flags & AccessFlag.aborted) !== 0,
  };
}

export function originOf(flags: number): AccessRow['origin'] {
  switch (flags & AccessFlag.origin) {
    case Origin.eventDelivery:
      return 'event-delivery';
    case Origin.pageWalk:
      return 'page-walk';
    default:
      return 'instruction';
  }
}

/** Null for what is not known. */
export function hexOf(address: bigint): string | null {
  if (address === UNKNOWN) return null;
  return formatHex64(Number(address & 0xffff_ffffn), Number(address >> 32n));
}
