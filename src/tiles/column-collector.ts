// SPDX-License-Identifier: Apache-2.0
// The columns of the batches of a chunk, one behind the other, in memory of their own.

import type { AccessBatch, ColumnArrays, ColumnName } from '../format/index.ts';

export interface ColumnCollector {
  /** Batches of the chunk in order, nothing left out. */
  add(batch: AccessBatch): void;
  finish(): Partial<ColumnArrays>;
}

/** Bytes of an element. */
export const COLUMN_BYTES: Readonly<Record<ColumnName, number>> = {
  ...{ vaddr: 8, pc: 8, paddr: 8, icount: 8, cr3: 8, ordinal: 8 },
  ...{ block: 4, vcpu: 2, insn: 2, size: 1, flags: 1, cpl: 1 },
};

export function createColumnCollector(
  names: readonly ColumnName[],
  length: number,
): ColumnCollector {
  const memory = new Map(names.map((name) => [name, new Uint8Array(COLUMN_BYTES[name] * length)]));
  const crossingIndex: number[] = [];
  const crossingPaddr: bigint[] = [];
  let done = 0;
  const column = (name: ColumnName): ArrayBuffer | undefined => memory.get(name)?.buffer;
  return {
    add(batch) {
      for (const [name, bytes] of memory) {
        const from = batch[name];
        if (from === undefined) throw new Error(`internal: a batch lacks ${name}`);
        bytes.set(
          new Uint8Array(from.buffer, from.byteOffset, from.byteLength),
          done * COLUMN_BYTES[name],
        );
      }
      for (const [at, index] of (batch.crossings?.index ?? []).entries()) {
        crossingIndex.push(done + index);
        crossingPaddr.push(batch.crossings?.paddr[at] ?? 0n);
      }
      done += batch.length;
    },
    finish() {
      if (done !== length) throw new Error('internal: a chunk was decoded in part');
      const big = (name: 'vaddr' | 'pc' | 'paddr' | 'icount' | 'cr3'): object => {
        const found = column(name);
        return found === undefined ? {} : { [name]: new BigUint64Array(found) };
      };
      const shorts = (name: 'vcpu' | 'insn'): object => {
        const found = column(name);
        return found === undefined ? {} : { [name]: new Uint16Array(found) };
      };
      const bytes = (name: 'size' | 'flags' | 'cpl'): object => {
        const found = column(name);
        return found === undefined ? {} : { [name]: new Uint8Array(found) };
      };
      const block = column('block');
      const ordinal = column('ordinal');
      return {
        ...big('vaddr'),
        ...big('pc'),
        ...big('paddr'),
        ...big('icount'),
        ...big('cr3'),
        ...shorts('vcpu'),
        ...shorts('insn'),
        ...bytes('size'),
        ...bytes('flags'),
        ...bytes('cpl'),
        ...(block === undefined ? {} : { block: new Uint32Array(block) }),
        ...(ordinal === undefined ? {} : { ordinal: new Float64Array(ordinal) }),
        ...(memory.has('paddr')
          ? {
              crossings: {
                index: Uint32Array.from(crossingIndex),
                paddr: BigUint64Array.from(crossingPaddr),
              },
            }
          : {}),
      };
    },
  };
}
