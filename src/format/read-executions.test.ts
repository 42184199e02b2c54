// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { byteSourceFromBytes } from './byte-source.ts';
import { randomTrace } from './program.oracle.ts';
import { encodeTrace } from './reference-encoder.oracle.ts';
import type { RefAccess, RefTrace } from './reference-trace.oracle.ts';
import { openTraceSource } from './trace.ts';

/** Blocks and accesses as executions() gives them, one after the other. */
async function readAll(bytes: Uint8Array<ArrayBuffer>, options = {}) {
  const trace = await openTraceSource(byteSourceFromBytes(bytes));
  const blocks: object[] = [];
  const accesses: object[] = [];
  for await (const batch of trace.executions(options)) {
    for (let i = 0; i < batch.length; i++) {
      const begin = (batch.accessBegin[i] ?? 0) - batch.accessBase;
      const next = batch.accessBegin[i + 1];
      const end = next === undefined ? batch.accessCount : next - batch.accessBase;
      const { stream } = batch;
      blocks.push({
        stream,
        id: batch.id[i],
        icount: batch.icount[i],
        vcpu: batch.vcpu[i],
        executed: batch.executed[i],
        firstAccess: batch.firstOrdinal + begin,
      });
      for (let at = begin; at < end; at++) {
        accesses.push({
          stream,
          ordinal: batch.firstOrdinal + at,
          block: batch.id[i],
          insn: batch.insn[at],
          vaddr: batch.vaddr[at],
          size: batch.size[at],
          store: ((batch.flags[at] ?? 0) & 1) !== 0,
          aborted: ((batch.flags[at] ?? 0) & 2) !== 0,
        });
      }
    }
  }
  return { blocks, accesses };
}

describe('executions()', () => {
  it.each([1, 2, 3, 4])('gives every block execution with its accesses: seed %i', async (seed) => {
    const { bytes, seen } = encodeTrace(
      randomTrace({ seed, blockCount: 9, executions: 400, streams: 2, oddity: 0.2 }),
    );
    const { blocks, accesses } = await readAll(bytes);
    expect(blocks).toEqual(seen.blocks);
    expect(accesses).toEqual(
      seen.accesses.map(({ stream, ordinal, block, insn, vaddr, size, store, aborted }) => ({
        stream,
        ordinal,
        block,
        insn,
        vaddr,
        size,
        store,
        aborted,
      })),
    );
  });

  it.each([5, 6])('numbers executions that made the same accesses alike: seed %i', async (seed) => {
    const { bytes } = encodeTrace(
      randomTrace({ seed, blockCount: 6, executions: 600, streams: 1, oddity: 0.1 }),
    );
    const trace = await openTraceSource(byteSourceFromBytes(bytes));
    const byShape = new Map<string, string>();
    let known = 0;
    let all = 0;
    for await (const batch of trace.executions()) {
      for (const [i, shape] of batch.shape.entries()) {
        all++;
        if (shape === 0) continue;
        known++;
        const begin = (batch.accessBegin[i] ?? 0) - batch.accessBase;
        const next = batch.accessBegin[i + 1];
        const end = next === undefined ? batch.accessCount : next - batch.accessBase;
        const id = batch.id[i] ?? 0;
        const executed = batch.executed[i];
        expect(executed).toBe(trace.code.insnCount(id));
        // Devices may differ.
        const flags = batch.flags.slice(begin, end).map((bits) => bits & ~4);
        const what = [
          id,
          executed,
          batch.insn.slice(begin, end),
          batch.size.slice(begin, end),
          flags,
        ];
        const key = `${batch.chunkIndex} ${shape}`;
        expect(byShape.get(key) ?? what.join('|')).toBe(what.join('|'));
        byShape.set(key, what.join('|'));
      }
    }
    expect(known).toBeGreaterThan(all / 3);
    expect(byShape.size).toBeLessThan(known);
  });

  it('gives an execution whole that is longer than a batch of the kernel', async () => {
    const member = (i: number): RefAccess => ({
      insn: 0,
      store: false,
      sizeLog2: 0,
      vaddr: 0x1000n + BigInt(i),
    });
    const long = Array.from({ length: 70_000 }, (_, i) => member(i));
    const program: RefTrace = {
      blocks: [{ vaddr: 0x40n, mode: 0x10, lastRep: true, insnLengths: [2] }],
      streams: [
        [long.slice(0, 3), long, [], long.slice(0, 1)].map((accesses) => ({
          type: 'block',
          id: 0,
          accesses,
        })),
      ],
    };
    const { bytes, seen } = encodeTrace(program);
    const { blocks, accesses } = await readAll(bytes);
    expect(blocks).toEqual(seen.blocks);
    expect(accesses).toHaveLength(70_004);
    expect(accesses.at(-2)).toMatchObject({ vaddr: 0x1000n + 69_999n, ordinal: 70_002 });
  });

  it('reads one chunk alone, and refuses one that is not there', async () => {
    const { bytes } = encodeTrace(
      randomTrace({ seed: 8, blockCount: 9, executions: 400, streams: 1, oddity: 0.3 }),
    );
    const trace = await openTraceSource(byteSourceFromBytes(bytes));
    const whole = await readAll(bytes);
    const parts: object[] = [];
    for (const { chunkIndex } of trace.chunks) {
      parts.push(...(await readAll(bytes, { chunk: chunkIndex })).accesses);
    }
    expect(trace.chunks.length).toBeGreaterThan(2);
    expect(parts).toEqual(whole.accesses);
    expect(() => trace.executions({ chunk: 999 })).toThrow(/no chunk 999/);
  });
});
