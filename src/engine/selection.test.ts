// SPDX-License-Identifier: Apache-2.0
// A selection leaves what a filter over plain objects leaves: accesses, block executions and chunks.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AccessColumns,
  chunkMayMatch,
  countsAnalysis,
  createSelector,
  type RunColumns,
  type Selection,
  selectionColumns,
  selectionNotes,
  type TraceShape,
} from '../analysis/index.ts';
import {
  byteSourceFromBytes,
  type ChunkInfo,
  openTraceSource,
  type Trace,
} from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace, lacking } from '../format/reference-encoder.oracle.ts';
import type { SeenAccess, SeenBlock } from '../format/reference-trace.oracle.ts';
import { analyse } from './analyse.node.ts';
import { shapeOfTrace } from './pass.ts';

const { bytes, seen } = encodeTrace(
  randomTrace({ seed: 8, blockCount: 9, executions: 700, streams: 2, oddity: 0.2 }),
);
const VCPUS = 4;
const CR3_MASK = 0xf_ffff_ffff_f000n;

function shapeOf(trace: Trace): TraceShape {
  return { ...shapeOfTrace(trace), vcpuCount: VCPUS };
}

/** What is left, as "stream:ordinal" of accesses and of block executions ("stream:first access:icount"). */
async function select(selection: Selection): Promise<{ accesses: string[]; runs: string[] }> {
  const trace = await openTraceSource(byteSourceFromBytes(bytes));
  const shape = shapeOf(trace);
  const selector = createSelector(selection, shape);
  const found: { accesses: string[]; runs: string[]; missed: number } = {
    ...{ accesses: [], runs: [], missed: 0 },
  };
  const streamOf = new Map<number, ChunkInfo>();
  const next = new Map<ChunkInfo, ChunkInfo>();
  for (const chunk of trace.chunks.toReversed()) {
    const following = streamOf.get(chunk.stream);
    if (following !== undefined) next.set(chunk, following);
    streamOf.set(chunk.stream, chunk);
  }
  for (const chunk of trace.chunks) {
    const mayMatch = chunkMayMatch(selection, chunk, next.get(chunk), true);
    const mayMatchAccesses = chunkMayMatch(selection, chunk, next.get(chunk), false);
    selector.beginChunk(chunk);
    const slices = trace.slices({
      columns: [...selectionColumns(selection), 'ordinal'],
      chunks: [chunk.chunkIndex],
      runs: true,
      notes: selectionNotes(selection),
    });
    for await (const slice of slices) {
      const left = selector.select(slice);
      addTo(found, left, slice);
      if (!mayMatch) found.missed += left.length + (left.runs?.length ?? 0);
      if (!mayMatchAccesses) found.missed += left.length;
    }
  }
  // A chunk that is passed over has nothing that is wanted.
  expect(found.missed).toBe(0);
  return { accesses: found.accesses.sort(), runs: found.runs.sort() };
}

function addTo(
  found: { accesses: string[]; runs: string[] },
  left: AccessColumns,
  { stream, firstOrdinal }: { readonly stream: number; readonly firstOrdinal: number },
): void {
  for (let i = 0; i < left.length; i++) found.accesses.push(`${stream}:${left.ordinal?.[i]}`);
  const { runs } = left;
  for (let i = 0; i < (runs?.length ?? 0); i++) {
    found.runs.push(`${stream}:${runs?.block[i]}:${runs?.icount[i]}:${runs?.executed[i]}`);
    // Behind it no access that is left stands before its first one.
    expect(runs?.firstAccess[i]).toBeLessThanOrEqual(left.length);
  }
  expect(firstOrdinal).toBeGreaterThanOrEqual(0);
}

function keysOfRuns(runs: RunColumns | undefined): string[] {
  return Array.from(
    { length: runs?.length ?? 0 },
    (_, i) => `${runs?.vcpu[i]}:${runs?.icount[i]}:${runs?.block[i]}:${runs?.executed[i]}`,
  );
}

function accessesWhere(isWanted: (one: SeenAccess) => boolean): string[] {
  return seen.accesses
    .filter((one) => !one.aborted && isWanted(one))
    .map(({ stream, ordinal }) => `${stream}:${ordinal}`)
    .sort();
}

function runsWhere(isWanted: (one: SeenBlock) => boolean): string[] {
  return seen.blocks.filter(isWanted).map(runKey).sort();
}

function runKey({ stream, id, icount, executed }: SeenBlock): string {
  return `${stream}:${id}:${icount}:${executed}`;
}

const halvesOf = (value: bigint) => ({
  lo: Number(value & 0xffff_ffffn),
  hi: Number(value >> 32n),
});

describe('a selection', { timeout: 60_000 }, () => {
  it('that restricts nothing leaves all but aborted accesses', async () => {
    expect(seen.accesses.some(({ aborted }) => aborted)).toBe(true);
    expect(await select({})).toEqual({
      accesses: accessesWhere(() => true),
      runs: runsWhere(() => true),
    });
  });

  it('takes ordinals and icounts', async () => {
    const most = Math.max(...seen.accesses.map(({ ordinal }) => ordinal));
    for (const [begin, end] of [
      [0, 1],
      [17, 900],
      [most - 5, most + 100],
      [300, Infinity],
    ] as const) {
      expect(await select({ ordinals: { begin, end } })).toEqual({
        accesses: accessesWhere(({ ordinal }) => ordinal >= begin && ordinal < end),
        runs: runsWhere(({ firstAccess }) => firstAccess >= begin && firstAccess < end),
      });
      expect(await select({ icounts: { begin, end } })).toEqual({
        accesses: accessesWhere(({ icount }) => Number(icount) >= begin && Number(icount) < end),
        runs: runsWhere(({ icount }) => Number(icount) >= begin && Number(icount) < end),
      });
    }
  });

  it('passes over no chunk that holds an icount at its border', async () => {
    const trace = await openTraceSource(byteSourceFromBytes(bytes));
    const states = trace.chunks.flatMap(({ vcpuStates }) => vcpuStates);
    expect(states.length).toBeGreaterThan(30);
    for (const { vcpu, icount } of states.filter((_one, i) => i % 3 === 0)) {
      for (const begin of [Math.max(0, Number(icount) - 1), Number(icount)]) {
        const isWanted = (one: SeenAccess | SeenBlock): boolean =>
          one.vcpu === vcpu && Number(one.icount) === begin;
        expect(await select({ vcpu, icounts: { begin, end: begin + 1 } })).toEqual({
          accesses: accessesWhere(isWanted),
          runs: runsWhere(isWanted),
        });
      }
    }
  });

  it('takes a vCPU, a privilege', async () => {
    for (const vcpu of [0, 1, 2, 3]) {
      expect(await select({ vcpu })).toEqual({
        accesses: accessesWhere((one) => one.vcpu === vcpu),
        runs: runsWhere((one) => one.vcpu === vcpu),
      });
    }
    const trace = await openTraceSource(byteSourceFromBytes(bytes));
    const { blockCpl } = shapeOf(trace);
    for (const cpl of [0, 3]) {
      expect(await select({ cpl })).toEqual({
        accesses: accessesWhere((one) => one.cpl === cpl),
        runs: runsWhere((one) => blockCpl[one.id] === cpl),
      });
    }
  });

  it('keeps notes before the block executions that they stood before', async () => {
    const trace = await openTraceSource(byteSourceFromBytes(bytes));
    const shape = shapeOf(trace);
    const selections = [{ vcpu: 1 }, { icounts: { begin: 20, end: 400 } }, { vcpu: 2, cpl: 0 }];
    /** Notes and mappings whose places are others. */
    const moved: number[] = [];
    for (const selection of selections) {
      const selector = createSelector(selection, shape);
      for (const chunk of trace.chunks) {
        selector.beginChunk(chunk);
        const slices = trace.slices({
          columns: selectionColumns(selection),
          chunks: [chunk.chunkIndex],
          runs: true,
          notes: ['vcpu', 'cr3'],
          mappings: true,
        });
        for await (const slice of slices) {
          // Where a block execution is in time, its vCPU tells it from all others.
          const before = keysOfRuns(slice.runs);
          const left = selector.select(slice);
          const kept = new Set(keysOfRuns(left.runs));
          const placesOf = ({ notes = [], mappings }: AccessColumns): number[][] => [
            notes.map(({ runIndex }) => runIndex),
            [...(mappings?.runIndex ?? [])],
          ];
          const wanted = placesOf(slice).map((places) =>
            places.map((place) => before.slice(0, place).filter((key) => kept.has(key)).length),
          );
          expect(placesOf(left)).toEqual(wanted);
          expect(left.mappings?.vpage).toEqual(slice.mappings?.vpage);
          placesOf(slice).forEach((places, which) => {
            const to = wanted[which];
            moved[which] =
              (moved[which] ?? 0) + places.filter((place, i) => place !== to?.[i]).length;
          });
        }
      }
    }
    expect(Math.min(...moved)).toBeGreaterThan(20);
  });

  it('takes an address space, with the block executions that ran in it', async () => {
    const spaces = [...new Set(seen.accesses.map(({ cr3 }) => cr3 & CR3_MASK))];
    expect(spaces.length).toBeGreaterThan(3);
    // The space of an execution is that of its accesses.
    const spaceAt = new Map(
      seen.accesses.map((one) => [`${one.stream}:${one.ordinal}`, one.cr3 & CR3_MASK]),
    );
    const times = new Map<string, number>();
    for (const one of seen.blocks) times.set(runKey(one), (times.get(runKey(one)) ?? 0) + 1);
    const hasAccess = new Set<string>();
    seen.blocks.forEach((one, i) => {
      if (times.get(runKey(one)) !== 1) return;
      const next = seen.blocks[i + 1];
      const end = next?.stream === one.stream ? next.firstAccess : Number.POSITIVE_INFINITY;
      if (end > one.firstAccess && spaceAt.has(`${one.stream}:${one.firstAccess}`)) {
        hasAccess.add(runKey(one));
      }
    });
    let runCount = 0;
    for (const cr3 of spaces) {
      const left = await select({ addressSpace: halvesOf(cr3) });
      expect(left.accesses).toEqual(accessesWhere((one) => (one.cr3 & CR3_MASK) === cr3));
      expect(left.runs.filter((key) => hasAccess.has(key))).toEqual(
        runsWhere(
          (one) =>
            hasAccess.has(runKey(one)) && spaceAt.get(`${one.stream}:${one.firstAccess}`) === cr3,
        ),
      );
      runCount += left.runs.length;
    }
    expect(runCount).toBeGreaterThan(seen.blocks.length / 2);
  });

  it('takes what touches a range of addresses', async () => {
    const some = seen.accesses.filter((_one, i) => i % 397 === 0);
    for (const { vaddr, size } of some) {
      const begin = vaddr + BigInt(size) - 1n;
      const last = begin + 0x100n > 2n ** 64n - 1n ? 2n ** 64n - 1n : begin + 0x100n;
      if (begin > last) continue;
      const [first, end] = [halvesOf(begin), halvesOf(last)];
      const left = await select({
        addresses: { beginLo: first.lo, beginHi: first.hi, lastLo: end.lo, lastHi: end.hi },
      });
      expect(left.accesses).toEqual(
        accessesWhere(
          (one) => !one.phys && one.vaddr + BigInt(one.size) > begin && one.vaddr <= last,
        ),
      );
      expect(left.runs).toEqual(runsWhere(() => true));
    }
  });

  it('takes what touches a range of guest-physical addresses, in either page', async () => {
    const partsOf = ({ vaddr, paddr, secondPaddr, size }: SeenAccess): [bigint, number][] => {
      if (secondPaddr === undefined) return [[paddr, size]];
      const inFirst = Number(4096n - (vaddr & 4095n));
      return [
        [paddr, inFirst],
        [secondPaddr, size - inFirst],
      ];
    };
    const known = seen.accesses.filter(
      ({ paddr, secondPaddr }) => paddr < 2n ** 52n && (secondPaddr ?? 0n) < 2n ** 52n,
    );
    const crossing = known.filter(({ secondPaddr }) => secondPaddr !== undefined);
    expect(crossing.length).toBeGreaterThan(5);
    let found = 0;
    for (const { paddr, secondPaddr } of [
      ...known.filter((_one, i) => i % 397 === 0),
      ...crossing.slice(0, 20),
    ]) {
      const begin = secondPaddr ?? paddr;
      const last = begin + 0x40n;
      const [first, end] = [halvesOf(begin), halvesOf(last)];
      const left = await select({
        physical: { beginLo: first.lo, beginHi: first.hi, lastLo: end.lo, lastHi: end.hi },
      });
      expect(left.accesses).toEqual(
        accessesWhere((one) =>
          partsOf(one).some(([at, size]) => at + BigInt(size) > begin && at <= last),
        ),
      );
      found += left.accesses.length;
    }
    expect(found).toBeGreaterThan(100);
  });

  it('takes code, and all criteria together', async () => {
    const trace = await openTraceSource(byteSourceFromBytes(bytes));
    const { insnBase } = shapeOf(trace);
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({
          min: 0,
          max: 1,
          minLength: insnBase.at(-1) ?? 0,
          maxLength: insnBase.at(-1) ?? 0,
        }),
        fc.nat(3),
        async (code, vcpu) => {
          const numberOf = (block: number, insn: number): number => (insnBase[block] ?? 0) + insn;
          expect(await select({ code, vcpu, icounts: { begin: 100, end: 4000 } })).toEqual({
            accesses: accessesWhere(
              (one) =>
                one.vcpu === vcpu &&
                code[numberOf(one.block, one.insn)] === 1 &&
                one.icount >= 100n &&
                one.icount < 4000n,
            ),
            runs: runsWhere(
              (one) =>
                one.vcpu === vcpu &&
                code[numberOf(one.id, 0)] === 1 &&
                one.icount >= 100n &&
                one.icount < 4000n,
            ),
          });
        },
      ),
      { numRuns: 10 },
    );
  });
});

describe('a selection by what the trace does not tell', () => {
  const program = randomTrace({ seed: 8, blockCount: 9, executions: 20, streams: 1, oddity: 0.2 });

  it.each([
    ['icount', { icounts: { begin: 5, end: 4000 } }],
    ['cpl', { cpl: 0 }],
    ['address-space', { addressSpace: { lo: 0, hi: 0 } }],
    ['paddr', { physical: { beginLo: 0, beginHi: 0, lastLo: 0xffff_ffff, lastHi: 0xfffff } }],
  ])('is refused: %s', async (name, selection) => {
    const requests = [{ analysis: countsAnalysis, parameters: {} }];
    const lacks = { changeTotals: lacking([name], 'not in this QEMU') };
    const poor = await openTraceSource(byteSourceFromBytes(encodeTrace(program, lacks).bytes));
    await expect(analyse(poor, requests, { selection })).rejects.toThrow(
      expect.objectContaining({
        kind: 'missing-capability',
        message: expect.stringMatching(
          `^a selection by .* needs ${name}, which this trace does not have: not in this QEMU$`,
        ),
      }),
    );
    const whole = await openTraceSource(byteSourceFromBytes(encodeTrace(program).bytes));
    await analyse(whole, requests, { selection, mayBeEmpty: true });
  });
});
