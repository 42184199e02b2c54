// SPDX-License-Identifier: Apache-2.0
// A kernel's memory serves one trace after another, and is full of what the earlier ones left.
import { expect, it } from 'vitest';
import { byteSourceFromBytes } from './byte-source.ts';
import { createKernel } from './kernel.ts';
import { giveBackKernel } from './kernel-pool.ts';
import { randomTrace } from './program.oracle.ts';
import { encodeTrace } from './reference-encoder.oracle.ts';
import { surveyTrace } from './survey.ts';
import { openTraceSource } from './trace.ts';

it('decodes in memory that has been used, whatever is in it', async () => {
  const { bytes, seen } = encodeTrace(
    randomTrace({ seed: 5, blockCount: 6, executions: 400, streams: 1, oddity: 0.2 }),
  );
  const { code } = await surveyTrace(byteSourceFromBytes(bytes));
  const wanted = seen.accesses.map(({ vaddr }) => vaddr);
  // 1 is how a kernel's first chunk marks the blocks that it has seen; small numbers abound.
  for (const leftOver of [1, 2, 0, 0xffff_ffff]) {
    const used = createKernel(code);
    new Uint32Array(used.buffer).fill(leftOver, Math.ceil(used.exports.tablesEnd() / 64) * 16);
    giveBackKernel(used);
    const trace = await openTraceSource(byteSourceFromBytes(bytes));
    const found: bigint[] = [];
    for await (const batch of trace.accesses({ columns: ['vaddr'], includeAborted: true })) {
      found.push(...(batch.vaddr ?? []));
    }
    expect(found).toEqual(wanted);
  }
});
