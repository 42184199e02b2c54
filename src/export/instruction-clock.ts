// SPDX-License-Identifier: Apache-2.0
// One time for all vCPUs, in instructions: each adds what it has completed since it was last heard of.

import type { Span } from '../analysis/index.ts';

const MAX_VCPUS = 1024; // docs/format.md section 5
const NEVER = -1;
const TWO_32 = 2 ** 32;

export class InstructionClock {
  /** Instructions of all vCPUs since the first access of each in the part. */
  now = 0;
  readonly #last: Float64Array = new Float64Array(MAX_VCPUS).fill(NEVER);
  readonly #begin: number;
  readonly #end: number;

  /** For a part of these instructions of each vCPU; undefined: all. */
  constructor(icounts: Span | undefined) {
    this.#begin = icounts?.begin ?? 0;
    this.#end = icounts?.end ?? Number.POSITIVE_INFINITY;
  }

  /**
   * The vCPU makes an access behind so many instructions of its own. Sets the time, which never runs back; false for an
   * access before or behind the part, over which it stands still.
   */
  advance(vcpu: number, icountLo: number, icountHi: number): boolean {
    const icount = icountHi * TWO_32 + icountLo;
    if (icount < this.#begin || icount >= this.#end) return false;
    const last = this.#last[vcpu];
    if (last !== NEVER && icount > last) this.now += icount - last;
    if (icount > last) this.#last[vcpu] = icount;
    return true;
  }
}
