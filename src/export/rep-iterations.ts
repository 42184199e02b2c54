// SPDX-License-Identifier: Apache-2.0
// Where an iteration of a string instruction with a rep prefix begins. The trace has the accesses of all
// iterations in a row, all of one instruction.

/** 0: no rep prefix; else how the accesses of an iteration are told from those of the next. */
const Repeat = {
  none: 0,
  /** stos, lods, scas, outs: each access. */
  each: 1,
  /** movs: each load. */
  load: 2,
  /** cmps: every second access. */
  pair: 3,
  /** ins: QEMU stores twice to the same address, a zero to find faults, then the data. */
  place: 4,
} as const;

/** Of the mnemonic without prefix; undefined: no rep prefix. One of Repeat. */
export function repeatOf(mnemonic: string | undefined): number {
  if (mnemonic === undefined) return Repeat.none;
  if (mnemonic.startsWith('movs')) return Repeat.load;
  if (mnemonic.startsWith('cmps')) return Repeat.pair;
  return mnemonic.startsWith('ins') ? Repeat.place : Repeat.each;
}

/** Follows the accesses of one instruction. */
export class RepIterations {
  #repeat: number = Repeat.none;
  #accesses = 0;
  #lo = 0;
  #hi = 0;

  /** An instruction runs. */
  reset(repeat: number): void {
    this.#repeat = repeat;
    this.#accesses = 0;
  }

  /** Whether an iteration other than the first begins with this access. */
  begins(isStore: boolean, lo: number, hi: number): boolean {
    const repeat = this.#repeat;
    if (repeat === Repeat.none) return false;
    const before = this.#accesses++;
    const isSamePlace = lo === this.#lo && hi === this.#hi;
    this.#lo = lo;
    this.#hi = hi;
    if (before === 0) return false;
    if (repeat === Repeat.load) return !isStore;
    if (repeat === Repeat.pair) return before % 2 === 0;
    return repeat === Repeat.each || !isSamePlace;
  }
}
