// SPDX-License-Identifier: Apache-2.0
// Chunks that a scan passes over hold nothing that is wanted, and it does pass over chunks.
import { beforeAll, describe, expect, it } from 'vitest';
import { byteSourceFromBytes, openTraceSource, type Trace } from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import type { AccessBounds } from './access-bounds.ts';
import { chunksWithin } from './access-table.ts';

const { bytes, seen } = encodeTrace(
  randomTrace({ seed: 11, blockCount: 9, executions: 900, streams: 2, oddity: 0.2 }),
);

let trace: Trace;
beforeAll(async () => {
  trace = await openTraceSource(byteSourceFromBytes(bytes));
});

function boundsOf(min: bigint, max: bigint, vcpu: number | undefined): AccessBounds {
  return new Map([
    ['icount', { min, max }],
    ...(vcpu === undefined ? [] : [['vcpu', { min: BigInt(vcpu), max: BigInt(vcpu) }] as const]),
  ]);
}

describe('bounds of icounts', () => {
  it('leave every chunk that holds one of them, and few others', () => {
    const { chunks } = trace;
    let scanned = 0;
    let asked = 0;
    for (const { vcpu, icount } of chunks.flatMap(({ vcpuStates }) => vcpuStates)) {
      for (const only of [undefined, vcpu]) {
        for (const [min, max] of [
          [icount, icount],
          [icount > 0n ? icount - 1n : 0n, icount > 0n ? icount - 1n : 0n],
          [icount, icount + 20n],
        ] as const) {
          const within = chunksWithin(trace, boundsOf(min, max, only));
          const isScanned = (stream: number, ordinal: number): boolean =>
            within.some(
              (one) =>
                one.stream === stream && ordinal >= one.firstOrdinal && ordinal < one.endOrdinal,
            );
          const missed = seen.accesses.filter(
            (one) =>
              one.icount >= min &&
              one.icount <= max &&
              (only === undefined || one.vcpu === only) &&
              !isScanned(one.stream, one.ordinal),
          );
          expect(missed).toEqual([]);
          scanned += within.length;
          asked += chunks.length;
        }
      }
    }
    expect(asked).toBeGreaterThan(1000);
    expect(scanned).toBeLessThan(asked / 3);
  });
});
