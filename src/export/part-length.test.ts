// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { randomTrace } from '../format/program.oracle.ts';
import { openEncoded } from './exported.oracle.ts';
import { estimateInstructions } from './part-length.ts';

const PROGRAM = { seed: 33, blockCount: 12, executions: 900, oddity: 0.3 };
const encoded = openEncoded(randomTrace({ ...PROGRAM, streams: 2 }));
const WHOLE = { begin: 0, end: Number.POSITIVE_INFINITY };

it('a part that is all has all instructions', async () => {
  const { trace } = await encoded;
  const { instructions } = trace.summary();
  expect(trace.chunks.length).toBeGreaterThan(4);
  expect(estimateInstructions(trace, {})).toBe(instructions);
  expect(estimateInstructions(trace, { ordinals: WHOLE, icounts: WHOLE })).toBe(instructions);
});

it('a part by ordinals has those of its chunks, and of the others a share', async () => {
  const { trace } = await encoded;
  const own = trace.chunks.filter(({ stream }) => stream === 0);
  const [first, second] = own;
  const begin = second?.firstOrdinal ?? 0;
  const both = (first?.instructionCount ?? 0) + (second?.instructionCount ?? 0) / 2;
  const alone = { chunks: own };
  const end = begin + (second?.accessCount ?? 0) / 2;
  expect(estimateInstructions(alone, { ordinals: { begin: 0, end } })).toBeCloseTo(both, 6);
  expect(both).toBeGreaterThan(0);
});

it('a part by instructions has those of each vCPU', async () => {
  const { trace, seen } = await openEncoded(randomTrace({ ...PROGRAM, streams: 1 }));
  const icounts = { begin: 100, end: 300 };
  for (const vcpu of new Set(seen.accesses.map((access) => access.vcpu))) {
    const last = seen.accesses.findLast((access) => access.vcpu === vcpu)?.icount ?? 0n;
    expect(last).toBeGreaterThan(icounts.end);
    const found = estimateInstructions(trace, { icounts, vcpu });
    expect(found).toBeGreaterThan(0.9 * (icounts.end - icounts.begin));
    expect(found).toBeLessThan(1.1 * (icounts.end - icounts.begin));
  }
});
