// SPDX-License-Identifier: Apache-2.0
// What the compiler says of a batch: the columns that were asked for are there, the others are not.
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { AccessBatch, ColumnName, Crossings } from './access-batch.ts';
import { byteSourceFromBytes } from './byte-source.ts';
import { randomTrace } from './program.oracle.ts';
import type { AccessOptions } from './read-accesses.ts';
import { encodeTrace } from './reference-encoder.oracle.ts';
import { openTraceSource, type Trace } from './trace.ts';

const { bytes } = encodeTrace(
  randomTrace({ seed: 5, blockCount: 4, executions: 60, streams: 1, oddity: 0 }),
);

const JUST_CPL = ['cpl'] as const;

async function open(): Promise<Trace> {
  return openTraceSource(byteSourceFromBytes(bytes));
}

/** The first batch; for the compiler and at run time. */
async function firstOf<T>(batches: AsyncIterable<T>): Promise<T> {
  for await (const batch of batches) return batch;
  throw new Error('no batch');
}

describe('the type of a batch', () => {
  it('has the columns that were asked for, and no other', async () => {
    const batch = await firstOf((await open()).accesses({ columns: ['flags', 'cpl'] }));
    expectTypeOf(batch.flags).toEqualTypeOf<Uint8Array>();
    expectTypeOf(batch.cpl).toEqualTypeOf<Uint8Array>();
    expectTypeOf(batch.length).toEqualTypeOf<number>();
    expectTypeOf(batch).not.toHaveProperty('vaddr');
    expectTypeOf(batch).not.toHaveProperty('crossings');
    // @ts-expect-error vaddr was not asked for
    expect(batch.vaddr).toBeUndefined();
    expect(batch.flags.length + batch.cpl.length).toBe(2 * batch.length);
  });

  it('has the default columns when none were named', async () => {
    for (const batches of [(await open()).accesses(), (await open()).accesses({ from: 1 })]) {
      const batch = await firstOf(batches);
      expectTypeOf(batch.vaddr).toEqualTypeOf<BigUint64Array>();
      expectTypeOf(batch.pc).toEqualTypeOf<BigUint64Array>();
      expectTypeOf(batch.size).toEqualTypeOf<Uint8Array>();
      expectTypeOf(batch.flags).toEqualTypeOf<Uint8Array>();
      expectTypeOf(batch.icount).toEqualTypeOf<BigUint64Array>();
      expectTypeOf(batch).not.toHaveProperty('cpl');
      expect(batch).not.toHaveProperty('cpl');
      expect(batch.icount.length).toBe(batch.length);
    }
  });

  it('has crossings with paddr', async () => {
    const batch = await firstOf((await open()).accesses({ columns: ['paddr'] }));
    expectTypeOf(batch.crossings).toEqualTypeOf<Crossings>();
    expect(batch.crossings.index.length).toBe(batch.crossings.paddr.length);
  });

  it('leaves open what only the run decides', async () => {
    const trace = await open();
    const columns: readonly ColumnName[] = ['vaddr'];
    const any = await firstOf(trace.accesses({ columns }));
    expectTypeOf(any.vaddr).toEqualTypeOf<BigUint64Array | undefined>();
    const more = await firstOf(
      trace.accesses({ columns: [...(['pc'] as const), ...(trace.complete ? JUST_CPL : [])] }),
    );
    expectTypeOf(more.pc).toEqualTypeOf<BigUint64Array>();
    expectTypeOf(more.cpl).toEqualTypeOf<Uint8Array | undefined>();
    const options: AccessOptions = trace.complete ? { columns: ['size'] } : {};
    const some = await firstOf(trace.accesses(options));
    expectTypeOf(some).toEqualTypeOf<AccessBatch>();
    expect([any.vaddr, more.cpl, some.size]).not.toContain(undefined);
  });

  it('fits where a batch of any columns is taken', () => {
    expectTypeOf<AccessBatch<readonly ['flags']>>().toExtend<AccessBatch>();
    expectTypeOf<AccessBatch>().not.toExtend<AccessBatch<readonly ['flags']>>();
  });
});
