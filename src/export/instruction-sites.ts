// SPDX-License-Identifier: Apache-2.0
// Every instruction of every block that ran, numbered as they are met: its address, its length, and what a
// format needs to know of it, worked out once.

import { u64FromBigint } from '../base/index.ts';
import type { CodeTable } from '../format/index.ts';

const NOT_MET = -1;

/** Instructions have numbers, in which those of a block follow each other. */
export class InstructionSites {
  pcLo: Uint32Array = new Uint32Array(1 << 16);
  pcHi: Uint32Array = new Uint32Array(1 << 16);
  /** Length in bytes. */
  size: Uint8Array = new Uint8Array(1 << 16);
  count = 0;
  readonly #code: CodeTable;
  readonly #bases: Int32Array;
  readonly #describe: InstructionDescriber | undefined;

  constructor(code: CodeTable, describe?: InstructionDescriber) {
    this.#code = code;
    this.#describe = describe;
    this.#bases = new Int32Array(code.blockCount).fill(NOT_MET);
  }

  /** Number of the block's first instruction. */
  baseOf(block: number): number {
    const base = this.#bases[block];
    return base === NOT_MET ? this.#meet(block) : base;
  }

  #meet(block: number): number {
    const base = this.count;
    const offsets = this.#code.insnOffsets(block);
    const bytes = this.#code.bytes(block);
    const vaddr = this.#code.vaddr(block);
    while (base + offsets.length > this.pcLo.length) this.#grow();
    for (let i = 0; i < offsets.length; i++) {
      const end = i + 1 < offsets.length ? offsets[i + 1] : bytes.length;
      const pc = u64FromBigint(BigInt.asUintN(64, vaddr + BigInt(offsets[i])));
      this.pcLo[base + i] = pc.lo;
      this.pcHi[base + i] = pc.hi;
      this.size[base + i] = end - offsets[i];
      this.#describe?.(base + i, bytes.subarray(offsets[i], end), this.#code.mode(block));
    }
    this.count = base + offsets.length;
    this.#bases[block] = base;
    return base;
  }

  #grow(): void {
    const length = this.pcLo.length * 2;
    this.pcLo = enlarged(this.pcLo, new Uint32Array(length));
    this.pcHi = enlarged(this.pcHi, new Uint32Array(length));
    this.size = enlarged(this.size, new Uint8Array(length));
  }
}

/** Told once of each instruction: its number, its bytes, and the hflags it ran with where they are known. */
export type InstructionDescriber = (
  site: number,
  bytes: Uint8Array,
  mode: number | undefined,
) => void;

export function enlarged<T extends Uint8Array | Uint32Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
