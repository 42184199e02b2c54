// SPDX-License-Identifier: Apache-2.0
// One time for all vCPUs, in instructions: each adds what it has completed since it was last heard of.

const MAX_VCPUS = 1024; // docs/format.md section 5
const NEVER = -1;
const TWO_32 = 2 ** 32;

export class InstructionClock {
  /** Instructions of all vCPUs since the first access of each. */
  now = 0;
  readonly #last: Float64Array = new Float64Array(MAX_VCPUS).fill(NEVER);

  /** The vCPU makes an access behind so many instructions of its own. Gives the time, which never runs back. */
  advance(vcpu: number, icountLo: number, icountHi: number): number {
    const icount = icountHi * TWO_32 + icountLo;
    const last = this.#last[vcpu];
    if (last !== NEVER && icount > last) this.now += icount - last;
    if (icount > last) this.#last[vcpu] = icount;
    return this.now;
  }
}
