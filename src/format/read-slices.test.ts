// SPDX-License-Identifier: Apache-2.0
// Slices hold everything, once, and block executions whole.
import { describe, expect, it } from 'vitest';
import { AccessFlag, type ColumnName } from './access-batch.ts';
import { byteSourceFromBytes } from './byte-source.ts';
import { MappingKind } from './mapping-columns.ts';
import { randomTrace } from './program.oracle.ts';
import type { PageAttributes } from './read-notes.ts';
import type { SliceOptions, TraceSlice } from './read-slices.ts';
import { encodeTrace } from './reference-encoder.oracle.ts';
import type { RefItem, RefTrace } from './reference-trace.oracle.ts';
import { openTraceSource, type Trace } from './trace.ts';

async function open(bytes: Uint8Array<ArrayBuffer>): Promise<Trace> {
  return openTraceSource(byteSourceFromBytes(bytes));
}

/** Goes over the slices of a trace one after the other, since the next step overwrites them. */
async function eachSlice(
  trace: Trace,
  options: SliceOptions,
  look: (slice: TraceSlice) => void,
): Promise<number> {
  let count = 0;
  for await (const slice of trace.slices(options)) {
    count++;
    look(slice);
  }
  return count;
}

/** One execution of more accesses than a batch of the kernel has, between two of few. */
const LONG_RUN = 70_000;
function longTrace(): RefTrace {
  const access = (vaddr: bigint) => ({ insn: 0, store: true, sizeLog2: 3, vaddr });
  const items: RefItem[] = [
    { type: 'block', id: 1, accesses: [access(0x10n)] },
    {
      type: 'block',
      id: 0,
      accesses: Array.from({ length: LONG_RUN }, (_, i) => access(0x1000n + 8n * BigInt(i))),
    },
    // The same instruction goes on.
    { type: 'block', id: 0, accesses: [access(0x90_0000n)] },
    ...Array.from({ length: 40_000 }, (_, i): RefItem => {
      return { type: 'block', id: 1, accesses: i % 3 === 0 ? [] : [access(BigInt(i))] };
    }),
  ];
  return {
    blocks: [
      { vaddr: 0x40_0000n, mode: 0x8000, lastRep: true, insnLengths: [3] },
      { vaddr: 0x40_0003n, mode: 0x8003, lastRep: false, insnLengths: [2, 4] },
    ],
    streams: [items],
  };
}

const ALL_ONES = 2n ** 64n - 1n;

/** docs/format.md 3.5. */
function bitsOf(attributes: PageAttributes | undefined): number {
  if (attributes === undefined) return 0;
  const { write, user, noExecute, global, pageBytes } = attributes;
  const bits = [write, user, noExecute, global].reduce(
    (sum, bit, i) => sum + (Number(bit) << i),
    0,
  );
  return bits | ((pageBytes === 0 ? 1 : Math.log2(pageBytes)) << 4);
}

/** Lists of a hundred thousand rows take minutes to be printed. */
function firstDifference(found: readonly string[], wanted: readonly string[]): string | undefined {
  const length = Math.max(found.length, wanted.length);
  const at = Array.from({ length }, (_, i) => i).find((i) => found[i] !== wanted[i]);
  return at === undefined ? undefined : `row ${at}: ${found[at]}, not ${wanted[at]}`;
}

const TRACES = {
  random: randomTrace({ seed: 21, blockCount: 9, executions: 3000, streams: 2, oddity: 0.2 }),
  long: longTrace(),
};

describe.each(['random', 'long'] as const)('slices of a %s trace', (name) => {
  const { bytes, seen } = encodeTrace(TRACES[name]);
  const key = (stream: number, ordinal: number): string => `${stream}:${ordinal}`;

  it('hold every access once, aborted ones too', async () => {
    const trace = await open(bytes);
    for (const runs of [false, true]) {
      const found = new Map<string, string>();
      await eachSlice(
        trace,
        { columns: ['vaddr', 'pc', 'flags', 'size', 'icount', 'vcpu', 'block', 'insn'], runs },
        (slice) => {
          for (let i = 0; i < slice.length; i++) {
            found.set(
              key(slice.stream, slice.firstOrdinal + i),
              [slice.vaddr, slice.pc, slice.size, slice.icount, slice.vcpu, slice.block, slice.insn]
                .map((column) => column?.[i])
                .concat((slice.flags?.[i] ?? 0) & 3)
                .join(' '),
            );
          }
        },
      );
      const wanted = seen.accesses.map((one): [string, string] => [
        key(one.stream, one.ordinal),
        [one.vaddr, one.pc, one.size, one.icount, one.vcpu, one.block, one.insn]
          .concat(Number(one.store) + 2 * Number(one.aborted))
          .join(' '),
      ]);
      expect(found).toEqual(new Map(wanted));
      expect(wanted).toHaveLength(found.size);
    }
  });

  it('hold whole block executions, and tell which go on', async () => {
    const trace = await open(bytes);
    const accesses = new Map<string, number>();
    for (const one of seen.accesses) accesses.set(key(one.stream, one.ordinal), one.block);
    const found: string[] = [];
    let instructions = 0;
    await eachSlice(trace, { columns: ['block'], runs: true }, ({ runs, ...slice }) => {
      if (runs === undefined) throw new Error('no block executions');
      for (let i = 0; i < runs.length; i++) {
        const begin = runs.firstAccess[i] ?? 0;
        const end = runs.firstAccess[i + 1] ?? slice.length;
        for (let at = begin; at < end; at++) expect(slice.block?.[at]).toBe(runs.block[i]);
        instructions += (runs.executed[i] ?? 0) - (runs.continues[i] ?? 0);
        found.push(
          [
            slice.stream,
            slice.firstOrdinal + begin,
            runs.block[i],
            runs.executed[i],
            runs.vcpu[i],
            runs.icount[i],
          ].join(' '),
        );
      }
      expect(runs.length === 0 ? slice.length : runs.firstAccess[0]).toBe(0);
    });
    const wanted = seen.blocks.map((one) =>
      [one.stream, one.firstAccess, one.id, one.executed, one.vcpu, one.icount].join(' '),
    );
    expect(found.sort()).toEqual(wanted.sort());
    expect(instructions).toBe(seen.instructions);
  });

  it('are the same without addresses as with them', async () => {
    const trace = await open(bytes);
    const columns = ['pc', 'flags', 'size', 'icount', 'vcpu', 'cpl', 'block', 'insn'] as const;
    const read = async (more: readonly ColumnName[]): Promise<string[]> => {
      const found: string[] = [];
      await eachSlice(trace, { columns: [...columns, ...more], runs: true }, (slice) => {
        for (const one of columns) found.push(`${one} ${slice[one]?.join(' ')}`);
        found.push(`${slice.firstOrdinal} ${slice.runs?.icount.join(' ')}`);
      });
      return found;
    };
    const without = await read([]);
    expect(without.length).toBeGreaterThan(columns.length);
    expect(without).toEqual(await read(['vaddr']));
  });

  it('number executions alike only when they made the same accesses', async () => {
    const trace = await open(bytes);
    const byShape = new Map<string, string>();
    let known = 0;
    let all = 0;
    await eachSlice(trace, { columns: ['insn', 'size', 'flags'], runs: true }, (slice) => {
      const { runs, insn, size, flags, chunkIndex } = slice;
      for (let i = 0; i < (runs?.length ?? 0); i++) {
        all++;
        const shape = runs?.shape[i] ?? 0;
        if (shape === 0) continue;
        known++;
        const begin = runs?.firstAccess[i] ?? 0;
        const end = runs?.firstAccess[i + 1] ?? slice.length;
        const block = runs?.block[i] ?? 0;
        expect(runs?.executed[i]).toBe(trace.code.insnCount(block));
        const own = [insn, size, flags].map((column) => column?.slice(begin, end));
        const what = [block, ...own].join('|');
        const numbered = `${chunkIndex} ${shape}`;
        expect(byShape.get(numbered) ?? what).toBe(what);
        byShape.set(numbered, what);
      }
    });
    expect(known).toBeGreaterThan(all / 4);
    expect(byShape.size).toBeLessThan(known);
  });

  it('hold every note once, before the access and the block execution that it stands before', async () => {
    const trace = await open(bytes);
    const kinds = ['cr3', 'vcpu', 'event'] as const;
    const wanted: string[] = [];
    for await (const note of trace.notes({ kinds })) {
      wanted.push([note.stream, note.kind, note.ordinal, note.block].join(' '));
    }
    const found: string[] = [];
    let blocks = 0;
    let stream = -1;
    await eachSlice(trace, { columns: ['flags'], runs: true, notes: kinds }, (slice) => {
      if (slice.stream !== stream) blocks = 0;
      ({ stream } = slice);
      for (const { kind, index, runIndex } of slice.notes ?? []) {
        found.push([stream, kind, slice.firstOrdinal + index, blocks + runIndex].join(' '));
        expect(index).toBeGreaterThanOrEqual(0);
      }
      blocks += slice.runs?.length ?? 0;
    });
    expect(found.sort()).toEqual(wanted.sort());
  });

  it('hold every mapping once, with what is told of it, alone too', async () => {
    const trace = await open(bytes);
    const wanted: string[] = [];
    const pagesOf = (stream: number, chunkIndex: number, place: string, pages: unknown[]): string =>
      [stream, chunkIndex, place, ...pages].join(' ');
    let chunk = '';
    let attributes = 0;
    const kinds = ['map', 'map-unknown', 'unmap', 'attributes'] as const;
    for await (const { stream, chunkIndex, ordinal, block, ...note } of trace.notes({ kinds })) {
      // Attributes are told anew in each chunk.
      if (chunk !== `${stream} ${chunkIndex}`) attributes = 0;
      chunk = `${stream} ${chunkIndex}`;
      if (note.kind === 'attributes') attributes = bitsOf(note.attributes);
      const tell = (...row: unknown[]): unknown =>
        wanted.push(pagesOf(stream, chunkIndex, `${ordinal} ${block}`, row));
      if (note.kind === 'map') tell(1, note.vpage, note.ppage, attributes);
      if (note.kind === 'map-unknown') tell(2, note.vpage, ALL_ONES, 0);
      if (note.kind === 'unmap') tell(3, ALL_ONES, ALL_ONES, 0);
    }
    const read = async (options: Partial<SliceOptions>): Promise<string[]> => {
      const found: string[] = [];
      const asked = { columns: ['flags'] as const, runs: true, mappings: true, ...options };
      await eachSlice(trace, asked, (slice) => {
        const { stream, chunkIndex, firstOrdinal, runs, mappings } = slice;
        for (let i = 0; i < (mappings?.length ?? 0); i++) {
          const place = `${firstOrdinal + (mappings?.index[i] ?? 0)} ${(runs?.firstBlock ?? 0) + (mappings?.runIndex[i] ?? 0)}`;
          const { kind, vpage, ppage, attributes: bits } = mappings ?? {};
          const row = [kind?.[i], vpage?.[i], ppage?.[i], bits?.[i]];
          found.push(pagesOf(stream, chunkIndex, place, row));
        }
      });
      return found;
    };
    const found = await read({});
    expect(firstDifference([...found].sort(), wanted.sort())).toBeUndefined();
    // Alone they stand before nothing.
    const placeless = (rows: readonly string[]): string[] =>
      rows.map((row) => row.split(' ').toSpliced(2, 2).join(' '));
    const alone = await read({ notesOnly: true });
    expect(firstDifference(placeless(alone), placeless(found))).toBeUndefined();
  });

  it('tell by mappings where accesses go', async () => {
    const trace = await open(bytes);
    const physicalOf = new Map<bigint, bigint>();
    let chunk = -1;
    const wrong: string[] = [];
    let compared = 0;
    const columns = ['vaddr', 'paddr', 'flags'] as const;
    await eachSlice(trace, { columns, mappings: true }, (slice) => {
      const { chunkIndex, vaddr, paddr, flags, mappings } = slice;
      if (chunkIndex !== chunk) physicalOf.clear();
      chunk = chunkIndex;
      let next = 0;
      for (let i = 0; i < slice.length; i++) {
        for (; (mappings?.index[next] ?? Infinity) <= i; next++) {
          if (mappings?.kind[next] === MappingKind.unmap) physicalOf.clear();
          else physicalOf.set(mappings?.vpage[next] ?? 0n, mappings?.ppage[next] ?? 0n);
        }
        if (((flags?.[i] ?? 0) & (AccessFlag.device | AccessFlag.physicalOnly)) !== 0) continue;
        const address = vaddr?.[i] ?? 0n;
        const page = physicalOf.get(address >> 12n);
        const told = page === ALL_ONES ? page : ((page ?? 0n) << 12n) | (address & 4095n);
        if (page === undefined || paddr?.[i] !== told)
          wrong.push(`${address} ${page} ${paddr?.[i]}`);
        compared++;
      }
    });
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(seen.accesses.length / 2);
  });

  it('refuse mappings as notes', async () => {
    const trace = await open(bytes);
    const options: SliceOptions = JSON.parse('{"columns": ["flags"], "notes": ["cr3", "map"]}');
    expect(() => trace.slices(options)).toThrow(
      expect.objectContaining({
        kind: 'bad-argument',
        facts: expect.objectContaining({ found: "notes: ['map']", expected: 'mappings: true' }),
      }),
    );
  });

  it('come of the chunks that are asked for', async () => {
    const trace = await open(bytes);
    const last = trace.chunks.length - 1;
    const seenChunks = new Set<number>();
    await eachSlice(trace, { columns: ['flags'], chunks: [last] }, (slice) => {
      seenChunks.add(slice.chunkIndex);
    });
    expect([...seenChunks]).toEqual([last]);
    expect(() => trace.slices({ columns: ['flags'], chunks: [last + 1] })).toThrow('no such chunk');
  });
});

it('come in parts of bounded length where only notes are wanted', async () => {
  const many = Array.from({ length: 70_000 }, (): RefItem => ({ type: 'unmap' }));
  const block: RefItem = { type: 'block', id: 1, accesses: [] };
  const { bytes } = encodeTrace({ ...longTrace(), streams: [[...many, block]] });
  const lengths: number[] = [];
  const options = { columns: ['flags'], mappings: true, notesOnly: true } as const;
  await eachSlice(await open(bytes), options, ({ length, mappings }) => {
    expect(length).toBe(0);
    lengths.push(mappings?.length ?? 0);
  });
  expect(lengths).toEqual([65_536, 4464]);
});

it.each([5, 6])('executions that made the same accesses have one shape: seed %i', async (seed) => {
  const program = { seed, blockCount: 6, executions: 600, streams: 1, oddity: 0.1 };
  const trace = await open(encodeTrace(randomTrace(program)).bytes);
  const byShape = new Map<string, string>();
  let known = 0;
  let all = 0;
  await eachSlice(trace, { columns: ['size', 'flags', 'insn'], runs: true }, (slice) => {
    const { runs, insn, size, flags } = slice;
    for (const [i, shape] of (runs?.shape ?? []).entries()) {
      all++;
      if (shape === 0) continue;
      known++;
      const begin = runs?.firstAccess[i];
      const end = runs?.firstAccess[i + 1] ?? slice.length;
      const id = runs?.block[i] ?? 0;
      expect(runs?.executed[i]).toBe(trace.code.insnCount(id));
      // Devices may differ.
      const kinds = flags?.slice(begin, end).map((bits) => bits & ~4);
      const made = [id, insn?.slice(begin, end), size?.slice(begin, end), kinds].join('|');
      const key = `${slice.chunkIndex} ${shape}`;
      expect(byShape.get(key) ?? made).toBe(made);
      byShape.set(key, made);
    }
  });
  expect(known).toBeGreaterThan(all / 3);
  expect(byShape.size).toBeLessThan(known);
});
