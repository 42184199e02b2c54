// SPDX-License-Identifier: Apache-2.0
// Where the accesses of a block execution must lie relative to each other. Registers are followed through the
// block: as long as a register is not written its value is one unknown, and what is pushed, popped, added and
// copied stays a distance from one. Two accesses whose addresses have the same unknowns then have a fixed
// distance; one without any has a fixed address.

import type { AddressExpression, DecodedInstruction } from '../isa/index.ts';
import type { PlacedPiece } from './match-instruction.ts';

/** Checks in columns of five numbers. */
export const CHECK_FIELDS = 5;
const CheckWidth = { all: 0, low32: 1, low16: 2 } as const;

/** Per check: access, its anchor (-1: the address is known), low and high half of the distance, CheckWidth. */
export type AddressProgram = Int32Array;

interface Value {
  /** Number of the unknown. */
  readonly unknown: number;
  readonly offset: bigint;
  /** It holds modulo 2^bits. */
  readonly bits: 16 | 32 | 64;
}

interface Anchor {
  readonly index: number;
  readonly offset: bigint;
  readonly bits: 16 | 32 | 64;
}

export class AddressTracker {
  private readonly codeBits: 16 | 32 | 64;
  private readonly values = new Map<string, Value>();
  private readonly anchors = new Map<string, Anchor>();
  private readonly checks: number[] = [];
  private unknowns = 0;

  constructor(codeBits: 16 | 32 | 64) {
    this.codeBits = codeBits;
  }

  /** nextPc: address of the instruction behind the one that made the accesses. */
  addPieces(pieces: readonly PlacedPiece[], nextPc: bigint): void {
    const begins = new Map<object, PlacedPiece>();
    for (const piece of pieces) {
      const begin = begins.get(piece.expected) ?? piece;
      begins.set(piece.expected, begin);
      const { address } = piece.expected;
      if (address !== undefined) this.addAddressed(piece, address, nextPc);
      else if (begin !== piece) {
        this.addCheck(piece.index, begin.index, BigInt(piece.offset - begin.offset), this.codeBits);
      }
    }
  }

  addInstruction({ clobbers, moves }: DecodedInstruction): void {
    const moved = moves.map(({ to, from, offset, bits }) => {
      const value = this.valueOf(from);
      return {
        to,
        value: { ...value, offset: value.offset + offset, bits: narrower(value.bits, bits) },
      };
    });
    for (const register of clobbers) this.values.set(register, this.newUnknown());
    for (const { to, value } of moved) this.values.set(to, value);
  }

  finish(): AddressProgram {
    return Int32Array.from(this.checks);
  }

  private addAddressed(piece: PlacedPiece, address: AddressExpression, nextPc: bigint): void {
    const { base, index, scale, displacement, addressBits } = address;
    const segment = this.segmentKey(address.segment);
    const here = displacement + BigInt(piece.offset);
    if (segment === '' && index === undefined && (base === undefined || base === 'rip')) {
      const absolute = base === 'rip' ? nextPc + here : here;
      if (this.codeBits === 64) this.addCheck(piece.index, -1, absolute, addressBits);
      return;
    }
    const baseValue = base === undefined || base === 'rip' ? undefined : this.valueOf(base);
    const indexValue = index === undefined ? undefined : this.valueOf(index);
    const offset =
      here +
      (base === 'rip' ? nextPc : 0n) +
      (baseValue?.offset ?? 0n) +
      (indexValue?.offset ?? 0n) * BigInt(scale);
    const bits = [addressBits, baseValue?.bits ?? 64, indexValue?.bits ?? 64].reduce(narrower);
    const key = `${segment}|${baseValue?.unknown ?? ''}|${indexValue?.unknown ?? ''}*${scale}|${addressBits}`;
    const anchor = this.anchors.get(key);
    if (anchor === undefined) {
      this.anchors.set(key, { index: piece.index, offset, bits });
      return;
    }
    this.addCheck(piece.index, anchor.index, offset - anchor.offset, narrower(bits, anchor.bits));
  }

  /** '' for a base of 0; else what stands for the base. */
  private segmentKey(segment: string): string {
    if (this.codeBits === 64 && segment !== 'fs' && segment !== 'gs') return '';
    return `${segment}${this.valueOf(segment).unknown}`;
  }

  private addCheck(index: number, anchor: number, distance: bigint, bits: 16 | 32 | 64): void {
    const width = bits === 16 ? CheckWidth.low16 : bits === 32 ? CheckWidth.low32 : CheckWidth.all;
    const low = Number(BigInt.asIntN(32, distance));
    const high = Number(BigInt.asIntN(32, distance >> 32n));
    this.checks.push(index, anchor, low, high, width);
  }

  private valueOf(register: string): Value {
    const known = this.values.get(register);
    if (known !== undefined) return known;
    const value = this.newUnknown();
    this.values.set(register, value);
    return value;
  }

  private newUnknown(): Value {
    return { unknown: this.unknowns++, offset: 0n, bits: 64 };
  }
}

function narrower<Bits extends number>(a: Bits, b: Bits): Bits {
  return a < b ? a : b;
}

/** Runs the program's numbers begin to end on the accesses from firstAccess on; returns how many checks fail. */
export function countMismatches(
  program: Int32Array,
  begin: number,
  end: number,
  vaddr: Uint32Array,
  firstAccess: number,
): number {
  let mismatches = 0;
  for (let i = begin; i < end; i += CHECK_FIELDS) {
    const at = 2 * (firstAccess + program[i]);
    const anchor = program[i + 1];
    const anchorAt = 2 * (firstAccess + anchor);
    const low = (anchor < 0 ? 0 : vaddr[anchorAt]) + (program[i + 2] >>> 0);
    const width = program[i + 4];
    if (width === CheckWidth.all) {
      const high =
        (anchor < 0 ? 0 : vaddr[anchorAt + 1]) + program[i + 3] + (low > 0xffff_ffff ? 1 : 0);
      if (low >>> 0 !== vaddr[at] || high >>> 0 !== vaddr[at + 1]) mismatches++;
    } else {
      const mask = width === CheckWidth.low16 ? 0xffff : 0xffff_ffff;
      if (((low ^ vaddr[at]) & mask) !== 0) mismatches++;
    }
  }
  return mismatches;
}
