// SPDX-License-Identifier: Apache-2.0
// Accesses as a memory controller would see them without caches: a request for each line of RAM that an
// access touches, by physical address. Devices are not RAM.

import type { Span } from '../analysis/index.ts';
import { halves } from '../base/index.ts';
import { type AccessBatch, AccessFlag, type ColumnName } from '../format/index.ts';
import { InstructionClock } from './instruction-clock.ts';
import type { LossCounts } from './losses.ts';
import { requireColumn } from './require-column.ts';

export const RAM_COLUMNS: readonly ColumnName[] = [
  ...(['vaddr', 'paddr', 'size', 'flags', 'icount', 'vcpu'] as const),
];

/** What a DRAM burst and a cache line have. */
export const LINE_BYTES = 64;
const PAGE_BYTES = 4096;
const ALL_ONES = 0xffff_ffff;

/** A part, in one line, of access i of the batch; `now` in instructions. */
export type EmitLine = (
  lo: number,
  hi: number,
  bytes: number,
  isStore: boolean,
  now: number,
  i: number,
) => void;

export class RamLines {
  readonly #losses: LossCounts;
  readonly #emit: EmitLine;
  readonly #clock: InstructionClock;

  /** `icounts`: the part has these instructions only; undefined: all. */
  constructor(losses: LossCounts, icounts: Span | undefined, emit: EmitLine) {
    this.#losses = losses;
    this.#clock = new InstructionClock(icounts);
    this.#emit = emit;
  }

  consume(batch: AccessBatch, wanted: Uint8Array | undefined): void {
    const vaddr = halves(requireColumn(batch.vaddr, 'vaddr'));
    const paddr = halves(requireColumn(batch.paddr, 'paddr'));
    const icount = halves(requireColumn(batch.icount, 'icount'));
    const size = requireColumn(batch.size, 'size');
    const flags = requireColumn(batch.flags, 'flags');
    const vcpu = requireColumn(batch.vcpu, 'vcpu');
    const { index, paddr: seconds } = requireColumn(batch.crossings, 'crossings');
    const second = halves(seconds);
    const losses = this.#losses;
    let crossing = 0;
    for (let i = 0; i < batch.length; i++) {
      const flag = flags[i];
      this.#clock.advance(vcpu[i], icount[2 * i], icount[2 * i + 1]);
      const { now } = this.#clock;
      const crosses = crossing < index.length && index[crossing] === i;
      const at = 2 * crossing;
      if (crosses) crossing++;
      if (wanted !== undefined && wanted[i] === 0) continue;
      if ((flag & (AccessFlag.aborted | AccessFlag.device)) !== 0) {
        if ((flag & AccessFlag.aborted) !== 0) losses.aborted++;
        else losses.devices++;
        continue;
      }
      const isStore = (flag & AccessFlag.store) !== 0;
      const inPage = crosses ? PAGE_BYTES - (vaddr[2 * i] & (PAGE_BYTES - 1)) : size[i];
      this.#split(paddr[2 * i], paddr[2 * i + 1], inPage, isStore, now, i);
      if (crosses) this.#split(second[at], second[at + 1], size[i] - inPage, isStore, now, i);
    }
  }

  /** Parts of one page, by lines. */
  #split(lo: number, hi: number, bytes: number, isStore: boolean, now: number, i: number): void {
    if (lo === ALL_ONES && hi === ALL_ONES) {
      this.#losses.unknownPaddr++;
      return;
    }
    let at = lo;
    let high = hi;
    let left = bytes;
    let room = LINE_BYTES - (at & (LINE_BYTES - 1));
    while (left > room) {
      this.#emit(at, high, room, isStore, now, i);
      at = (at + room) >>> 0;
      if (at === 0) high++; // one without a virtual address may cross pages, even 4 GiB
      left -= room;
      room = LINE_BYTES;
    }
    this.#emit(at, high, left, isStore, now, i);
  }
}
