// SPDX-License-Identifier: Apache-2.0
// Shapes by number, laid out for the loop that counts them: 200 million executions of a boot have some hundred
// thousand shapes.

import { type AddressProgram, CHECK_FIELDS } from './address-program.ts';

export class ShapeBook {
  /** Executions, by shape. */
  counts: Float64Array = new Float64Array(1024);
  /** Where in checks the address program of each shape begins; that of the next is its end. */
  programBegin: Uint32Array = new Uint32Array(1025);
  checks: Int32Array = new Int32Array(4096);
  private shapeCount = 0;

  /** Number of the new shape. */
  add(program: AddressProgram): number {
    const number = this.shapeCount++;
    if (this.shapeCount >= this.counts.length) {
      this.counts = grown(this.counts, new Float64Array(this.counts.length * 2));
      this.programBegin = grown(this.programBegin, new Uint32Array(this.counts.length + 1));
    }
    const begin = this.programBegin[number];
    const end = begin + program.length;
    if (end > this.checks.length) this.checks = grown(this.checks, new Int32Array(end * 2));
    this.checks.set(program, begin);
    this.programBegin[number + 1] = end;
    return number;
  }

  programOf(number: number): AddressProgram {
    return this.checks.subarray(this.programBegin[number], this.programBegin[number + 1]);
  }

  checksOf(number: number): number {
    return (this.programBegin[number + 1] - this.programBegin[number]) / CHECK_FIELDS;
  }
}

function grown<T extends Float64Array | Uint32Array | Int32Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
