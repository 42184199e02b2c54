// SPDX-License-Identifier: Apache-2.0
// The fast decoder against the reference decoder and against what the reference encoder was given.
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessFlag, COLUMN_NAMES } from './access-batch.ts';
import { byteSourceFromBytes } from './byte-source.ts';
import { SectionKind } from './layout.ts';
import { type ProgramOptions, randomTrace } from './program.oracle.ts';
import type { AccessOptions } from './read-accesses.ts';
import { decodeTrace } from './reference-decoder.oracle.ts';
import { encodeTrace, type PageSlots } from './reference-encoder.oracle.ts';
import {
  NO_ADDRESS,
  type RefTrace,
  type SeenAccess,
  type SeenBlock,
} from './reference-trace.oracle.ts';
import { openTraceSource, type Trace } from './trace.ts';

const program: fc.Arbitrary<ProgramOptions> = fc.record({
  seed: fc.integer(),
  blockCount: fc.integer({ min: 1, max: 12 }),
  executions: fc.integer({ min: 0, max: 120 }),
  streams: fc.integer({ min: 1, max: 2 }),
  oddity: fc.constantFrom(0, 0.05, 0.3),
});

const pageSlots: fc.Arbitrary<PageSlots> = fc.constantFrom(0, 2048, 4096);

function openBytes(bytes: Uint8Array<ArrayBuffer>): Promise<Trace> {
  return openTraceSource(byteSourceFromBytes(bytes));
}

async function collectAccesses(trace: Trace, options: AccessOptions = {}): Promise<SeenAccess[]> {
  const accesses: SeenAccess[] = [];
  for await (const batch of trace.accesses({
    columns: COLUMN_NAMES,
    includeAborted: true,
    ...options,
  })) {
    const second = new Map<number, bigint>();
    batch.crossings?.index.forEach((index, i) => {
      second.set(index, batch.crossings?.paddr[i] ?? 0n);
    });
    for (let i = 0; i < batch.length; i++) {
      const flags = batch.flags?.[i] ?? 0;
      accesses.push({
        stream: batch.stream,
        ordinal: batch.ordinal?.[i] ?? -1,
        vcpu: batch.vcpu?.[i] ?? -1,
        icount: batch.icount?.[i] ?? -1n,
        pc: batch.pc?.[i] ?? -1n,
        vaddr: batch.vaddr?.[i] ?? -1n,
        paddr: batch.paddr?.[i] ?? -1n,
        secondPaddr: second.get(i),
        size: batch.size?.[i] ?? -1,
        store: (flags & AccessFlag.store) !== 0,
        aborted: (flags & AccessFlag.aborted) !== 0,
        device: (flags & AccessFlag.device) !== 0,
        phys: (flags & AccessFlag.physicalOnly) !== 0,
        origin: (flags & AccessFlag.origin) >> 6,
        block: batch.block?.[i] ?? -1,
        insn: batch.insn?.[i] ?? -1,
        cpl: batch.cpl?.[i] ?? -1,
        cr3: batch.cr3?.[i] ?? -1n,
      });
      const isUnknown = batch.paddr?.[i] === NO_ADDRESS || second.get(i) === NO_ADDRESS;
      expect((flags & AccessFlag.paddrUnknown) !== 0).toBe(isUnknown);
      expect((flags & AccessFlag.crossesPage) !== 0).toBe(second.has(i));
    }
  }
  return accesses;
}

async function collectBlocks(trace: Trace): Promise<SeenBlock[]> {
  const blocks: SeenBlock[] = [];
  for await (const batch of trace.blocks()) {
    for (let i = 0; i < batch.length; i++) {
      blocks.push({
        stream: batch.stream,
        id: batch.id[i] ?? -1,
        icount: batch.icount[i] ?? -1n,
        vcpu: batch.vcpu[i] ?? -1,
        executed: batch.executed[i] ?? -1,
        firstAccess: batch.firstAccess[i] ?? -1,
      });
    }
  }
  return blocks;
}

describe('decoding', () => {
  it('gives what was encoded, as the reference decoder does', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(program, fc.boolean(), pageSlots, async (options, framed, slots) => {
        const { bytes, seen } = encodeTrace(randomTrace(options), { framed, pageSlots: slots });
        const reference = await decodeTrace(bytes);
        expect(reference).toEqual(seen);
        const trace = await openBytes(bytes);
        expect(trace.cut).toBeUndefined();
        expect(trace.complete).toBe(true);
        expect(await collectAccesses(trace)).toEqual(seen.accesses);
        expect(await collectBlocks(trace)).toEqual(seen.blocks);
        const sums = trace.summary();
        expect(sums.instructions).toBe(seen.instructions);
        expect(sums.accesses).toBe(seen.accesses.length);
      }),
      { numRuns: 60 },
    );
  });

  it('knows a chunk in which a rep instruction that was counted is suspended again, and nothing completes', async () => {
    const suspended = { executed: 0, aborted: 0, cause: 4 };
    const { bytes, seen } = encodeTrace({
      blocks: [{ vaddr: 0x1000n, mode: 0x40b0, lastRep: true, insnLengths: [2] }],
      streams: [
        [
          { type: 'block', id: 0, accesses: [] },
          { type: 'seal' },
          { type: 'block', id: 0, accesses: [], cut: suspended },
          { type: 'seal' },
          { type: 'block', id: 0, accesses: [] },
        ],
      ],
    });
    expect(await decodeTrace(bytes)).toEqual(seen);
    const trace = await openBytes(bytes);
    expect(trace.cut).toBeUndefined();
    expect(trace.chunks.map(({ instructionCount }) => instructionCount)).toEqual([1, -1, 1]);
    expect(trace.summary().instructions).toBe(1);
    expect(await collectBlocks(trace)).toEqual(seen.blocks);
  });
});

describe('the table of pages', () => {
  // Pages 0x10 and 0x810: one slot of 2,048, two of 4,096.
  const trace: RefTrace = {
    blocks: [{ vaddr: 0x1000n, mode: undefined, lastRep: false, insnLengths: [4] }],
    streams: [
      [0x10000n, 0x810000n, 0x10008n, 0x810008n].map((vaddr) => ({
        type: 'block',
        id: 0,
        accesses: [{ insn: 0, store: false, sizeLog2: 3, vaddr }],
      })),
    ],
  };

  it.each([
    [4096, 4096, 2],
    [2048, 2048, 4],
    [0, 2048, 4],
  ] as const)('of a chunk that says %i has %i slots', async (said, slots, maps) => {
    const { bytes, seen } = encodeTrace(trace, { pageSlots: said });
    const opened = await openBytes(bytes);
    expect(opened.chunks).toMatchObject([{ pageSlots: slots, noteCount: maps }]);
    expect(await collectAccesses(opened)).toEqual(seen.accesses);
  });

  it('is not looked for where a smaller one would have lost the page', async () => {
    const { bytes } = encodeTrace(trace, { pageSlots: 4096 });
    await expect(collectAccesses(await openBytes(withPageSlots(bytes, 2048)))).rejects.toThrow(
      'an access to a page without a mapping',
    );
  });

  it('has no other size', async () => {
    const { bytes } = encodeTrace(trace);
    const opened = await openBytes(withPageSlots(bytes, 8192));
    expect(opened.chunks).toEqual([]);
    expect(opened.cut).toMatchObject({
      kind: 'corrupt',
      reason: expect.stringContaining('a table of pages of impossible size') as string,
    });
  });
});

describe('a cut', () => {
  it.each([0, 6])('of cause %i is refused', async (cause) => {
    const { bytes } = encodeTrace({
      blocks: [{ vaddr: 0x1000n, mode: undefined, lastRep: false, insnLengths: [4, 2] }],
      streams: [[{ type: 'block', id: 0, accesses: [], cut: { executed: 1, aborted: 0, cause } }]],
    });
    const readNotes = async (): Promise<void> => {
      for await (const note of (await openBytes(bytes)).notes()) expect(note.kind).not.toBe('cut');
    };
    await expect(readNotes()).rejects.toThrow('a cut of unknown cause');
    await expect(collectBlocks(await openBytes(bytes))).rejects.toThrow('notes are damaged');
  });
});

/** The file with another number in the head of its only chunk. */
function withPageSlots(bytes: Uint8Array<ArrayBuffer>, slots: number): Uint8Array<ArrayBuffer> {
  const changed = bytes.slice();
  const view = new DataView(changed.buffer);
  let at = 16;
  while (view.getUint16(at + 4, true) !== SectionKind.chunk)
    at += 24 + view.getUint32(at + 12, true);
  const payload = changed.subarray(at + 24, at + 24 + view.getUint32(at + 12, true));
  view.setUint32(at + 24, slots, true);
  view.setUint32(at + 16, crc32(payload), true);
  view.setUint32(at + 20, crc32(changed.subarray(at, at + 20)), true);
  return changed;
}
