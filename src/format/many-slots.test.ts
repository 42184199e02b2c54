// SPDX-License-Identifier: Apache-2.0
// Blocks with more slots than the decoder looks through one by one, and with more than their first shape promised.
import { expect, it } from 'vitest';
import { prngFromSeed } from '../base/index.ts';
import { AccessFlag } from './access-batch.ts';
import { byteSourceFromBytes } from './byte-source.ts';
import { createKernel } from './kernel.ts';
import { giveBackKernel, takeKernel } from './kernel-pool.ts';
import { encodeTrace } from './reference-encoder.oracle.ts';
import type { RefAccess, RefBlock, RefExecution, RefItem } from './reference-trace.oracle.ts';
import { surveyTrace } from './survey.ts';
import { openTraceSource } from './trace.ts';

const INSN_COUNTS = [300, 512, 70, 1];
const SIZES = 8;

/** So many accesses of a block, each of another kind: by instruction, direction and size. */
function shapeOf(count: number, insnCount: number, seed: number): RefAccess[] {
  const random = prngFromSeed(seed);
  const kinds = insnCount * 2 * SIZES;
  const step = 2 * random.nextInRange(0, kinds / 2) + 1;
  return Array.from({ length: Math.min(count, kinds) }, (_, i) => {
    const kind = (i * step) % kinds;
    return {
      insn: kind % insnCount,
      store: Math.floor(kind / insnCount) % 2 === 1,
      sizeLog2: Math.floor(kind / insnCount / 2) % SIZES,
      vaddr: BigInt(random.nextU32()),
    };
  });
}

it('decodes blocks with many slots, in whatever order they come', async () => {
  const blocks: RefBlock[] = INSN_COUNTS.map((insnCount, id) => ({
    ...{ vaddr: BigInt(0x40_0000 + id * 0x1_0000), mode: 0x8000, lastRep: false },
    insnLengths: Array.from({ length: insnCount }, () => 3),
  }));
  const executions: RefExecution[] = [2, 65, 64, 4, 200, 8192, 150, 8192].flatMap((count, turn) =>
    INSN_COUNTS.map((insnCount, id) => ({
      ...{ type: 'block', id, accesses: shapeOf(count, insnCount, 10 * turn + id) },
    })),
  );
  // Chunks begin with nothing; the memory is that of the one before.
  const items: RefItem[] = [
    ...[{ type: 'vcpu', vcpu: 0 } as const, ...executions],
    ...[{ type: 'seal' } as const, ...executions.toReversed()],
  ];
  const { bytes, seen } = encodeTrace({ blocks, streams: [items] });
  const trace = await openTraceSource(byteSourceFromBytes(bytes));
  const found: object[] = [];
  const columns = ['vaddr', 'pc', 'size', 'flags', 'block', 'insn'] as const;
  for await (const batch of trace.accesses({ columns })) {
    for (let i = 0; i < batch.length; i++) {
      const store = ((batch.flags[i] ?? 0) & AccessFlag.store) !== 0;
      const [vaddr, pc, size] = [batch.vaddr[i], batch.pc[i], batch.size[i]];
      found.push({ vaddr, pc, size, store, block: batch.block[i], insn: batch.insn[i] });
    }
  }
  expect(found).toEqual(
    seen.accesses.map(({ vaddr, pc, size, store, block, insn }) => {
      return { vaddr, pc, size, store, block, insn };
    }),
  );
});

it('needs few bytes for an instruction of a chunk that runs many different ones', async () => {
  const insnCount = 90;
  const blocks: RefBlock[] = Array.from({ length: 500 }, (_, id) => ({
    ...{ vaddr: BigInt(0x40_0000 + id * 0x1000), mode: 0x8000, lastRep: false },
    insnLengths: Array.from({ length: insnCount }, () => 6),
  }));
  const items = blocks.map((_block, id): RefItem => {
    const accesses = Array.from({ length: insnCount }, (_, insn) => {
      return { insn, store: true, sizeLog2: 2, vaddr: BigInt(0x10_0000 + 64 * insn) };
    });
    return { type: 'block', id, accesses };
  });
  const { bytes } = encodeTrace({ blocks, streams: [[{ type: 'vcpu', vcpu: 0 }, ...items]] });
  const { code } = await surveyTrace(byteSourceFromBytes(bytes));
  const kernel = createKernel(code);
  const before = kernel.buffer.byteLength;
  giveBackKernel(kernel);
  const trace = await openTraceSource(byteSourceFromBytes(bytes));
  for await (const batch of trace.accesses({ columns: ['vaddr'] }))
    expect(batch.length).toBeGreaterThan(0);
  const more = takeKernel(code).buffer.byteLength - before;
  expect(more / (blocks.length * insnCount)).toBeLessThan(100);
});
