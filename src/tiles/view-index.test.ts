// SPDX-License-Identifier: Apache-2.0
// What an index answers, compared with the accesses one by one.
import { rm } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireDefined } from '../base/index.ts';
import { buildViewIndex } from './build.node.ts';
import { createChunkCache } from './chunk-cache.node.ts';
import type { ChunkCache } from './chunk-cache.ts';
import { BASE_STEP } from './layout.ts';
import { openViewIndex } from './open.node.ts';
import {
  BUILD_WORKER,
  CHUNKS_WORKER,
  countTile,
  pagesOf,
  partsOf,
  type SmallTrace,
  sumOf,
  writeSmallTrace,
} from './small-trace.oracle.ts';
import type { Space, TileQuery, ViewIndex } from './view-index.ts';

async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const SPACES: readonly Space[] = ['virtual', 'physical'];

describe.each([
  { seed: 3, executions: 700, streams: 1, oddity: 0.05 },
  { seed: 4, executions: 1500, streams: 2, oddity: 0.2 },
])('the index of a random trace, seed $seed', { timeout: 60_000 }, (options) => {
  let small: SmallTrace;
  let chunks: ChunkCache;
  let exact: ViewIndex;
  /** Never gets a chunk. */
  let coarse: ViewIndex;
  let progress: number[];
  let oracle: Map<Space, { parts: ReturnType<typeof partsOf>; pages: bigint[] }>;
  beforeAll(async () => {
    small = await writeSmallTrace({ ...options, blockCount: 11 });
    oracle = new Map(
      SPACES.map((space) => {
        const parts = partsOf(small.seen.accesses, space);
        return [space, { parts, pages: pagesOf(parts) }];
      }),
    );
    const file = path.join(small.folder, 'a.view');
    const parts: number[] = [];
    await buildViewIndex(small.trace, file, {
      workerUrl: BUILD_WORKER,
      onProgress: (part) => parts.push(part),
    });
    progress = parts;
    chunks = createChunkCache(small.trace, { workerUrl: CHUNKS_WORKER });
    exact = await open(file, chunks);
    coarse = await open(file, { ...chunks, places: async () => new Promise(() => undefined) });
  }, 60_000);
  afterAll(async () => {
    await Promise.all([exact.close(), coarse.close(), chunks.close()]);
    await small.trace.close();
    await rm(small.folder, { recursive: true });
  });
  const open = async (file: string, cache: ChunkCache): Promise<ViewIndex> => {
    const index = await openViewIndex(file, small.trace, cache);
    if (index === undefined) throw new Error('there is no index');
    return index;
  };
  const lengthOf = (stream: number): number =>
    small.seen.accesses.filter((one) => one.stream === stream).length;
  // Of doubles most would be next to 0.
  const share = fc.integer({ min: 0, max: 997 }).map((of997) => of997 / 997);
  const queries = fc.record({
    space: fc.constantFrom(...SPACES),
    stream: fc.nat(options.streams - 1),
    time: fc.tuple(share, share),
    rank: fc.tuple(share, share),
    // As many that the index is too coarse for the whole trace.
    columns: fc.integer({ min: 12, max: 40 }),
    rows: fc.integer({ min: 1, max: 40 }),
  });
  const queryOf = ({
    time,
    rank,
    ...rest
  }: typeof queries extends fc.Arbitrary<infer Q> ? Q : never): TileQuery => {
    const [early, late] = time
      .toSorted((a, b) => a - b)
      .map((part) => Math.floor(part * lengthOf(rest.stream)));
    const count = exact.pages[rest.space]?.count ?? 0;
    const [low = 0, high = 0] = rank.toSorted((a, b) => a - b).map((part) => part * count);
    return {
      ...rest,
      from: early ?? 0,
      to: (late ?? 0) + 1,
      low,
      high: Math.max(high, low + 1e-3),
    };
  };

  it('tells how far its build is', () => {
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBe(1);
  });

  it('is of the pages that were accessed', () => {
    for (const space of SPACES) {
      const axis = exact.pages[space];
      const { pages } = requireDefined(oracle.get(space), 'both are there');
      expect(axis?.count).toBe(pages.length);
      for (const [rank, page] of pages.entries()) {
        const address = page << 12n;
        const halves = { lo: Number(address & 0xffff_ffffn), hi: Number(address >> 32n) };
        expect(axis?.addressOf(rank)).toEqual(halves);
        expect(axis?.rankOf(halves.lo + 4095, halves.hi)).toEqual({ rank, exact: true });
      }
      const gaps = [...pages.entries()].filter(
        ([rank, page]) => pages[rank + 1] !== page + 1n && page + 1n < 2n ** 52n,
      );
      for (const [rank, page] of gaps) {
        const next = (page + 1n) << 12n;
        const [lo, hi] = [Number(next & 0xffff_ffffn), Number(next >> 32n)];
        expect(axis?.rankOf(lo, hi)).toEqual({ rank: rank + 1, exact: false });
      }
      expect(() => axis?.addressOf(pages.length)).toThrow(RangeError);
    }
  });

  it('gives small windows access by access', async () => {
    let counted = 0;
    await fc.assert(
      fc.asyncProperty(queries, async (wanted) => {
        const query = queryOf(wanted);
        const { parts, pages } = requireDefined(oracle.get(query.space), 'both are there');
        const expected = countTile(parts, pages, query);
        const tile = await exact.tile(query);
        expect([[...tile.loads], [...tile.stores]]).toEqual([expected.loads, expected.stores]);
        expect(tile).toMatchObject({ timeStep: 1, byteStep: 1, refining: false });
        const both = expected.loads.map((count, i) => count + (expected.stores[i] ?? 0));
        expect(tile.maximum).toBe(Math.max(...both));
        counted += sumOf(both);
      }),
      { numRuns: 25 },
    );
    expect(counted).toBeGreaterThan(500);
  });

  it('gives the same from its counts where edges fall on steps', async () => {
    for (const space of SPACES) {
      const { parts, pages } = requireDefined(oracle.get(space), 'both are there');
      for (let stream = 0; stream < options.streams; stream++) {
        const columns = Math.ceil(lengthOf(stream) / BASE_STEP);
        expect(columns).toBeGreaterThan(1);
        const query = {
          ...{ space, stream, columns, from: 0, to: columns * BASE_STEP },
          ...{ low: 0, high: pages.length, rows: Math.min(1024, pages.length), patienceMs: 0 },
        };
        const whole = { ...query, high: query.rows };
        const tile = await coarse.tile(whole);
        const expected = countTile(parts, pages, whole);
        expect([[...tile.loads], [...tile.stores]]).toEqual([expected.loads, expected.stores]);
        expect(tile).toMatchObject({ timeStep: BASE_STEP, byteStep: 4096 });
      }
    }
  });

  it('loses nothing and counts nothing twice between tiles that touch', async () => {
    await fc.assert(
      fc.asyncProperty(queries, share, async (wanted, part) => {
        const { from: begin, to: end, ...rest } = queryOf(wanted);
        const query = { ...rest, from: begin, to: end + 1, patienceMs: 0, columns: 1, rows: 1 };
        const middle = Math.min(end, begin + 1 + Math.floor(part * (end - begin)));
        const total = async (one: TileQuery): Promise<number> => {
          const tile = await coarse.tile(one);
          return sumOf(tile.loads) + sumOf(tile.stores);
        };
        // In time: cells of one page, so that no second rounding comes between.
        const low = Math.floor(query.low);
        const inTime = { ...query, low, high: low + 1 };
        const early = await total({ ...inTime, to: middle });
        const late = await total({ ...inTime, from: middle });
        expect(early + late).toBe(await total(inTime));
        // In cells: whole stretches and pages.
        const from = Math.floor(query.from / BASE_STEP) * BASE_STEP;
        const high = Math.ceil(query.high);
        const rows = Math.min(1024, high - low);
        const cells = { ...query, from, to: from + BASE_STEP, low, high: low + rows, rows };
        const spread = await total({ ...cells, columns: wanted.columns });
        expect(spread).toBe(await total(cells));
      }),
      { numRuns: 25 },
    );
  });

  it('has the tracks of each vCPU', async () => {
    for (let stream = 0; stream < options.streams; stream++) {
      const accesses = small.seen.accesses.filter((one) => one.stream === stream && !one.aborted);
      const length = lengthOf(stream);
      const tracks = await exact.tracks({ stream, from: 0, to: length, columns: 1000 });
      const stretchOf = ({ ordinal }: { readonly ordinal: number }): number =>
        Math.floor(ordinal / BASE_STEP);
      expect([...tracks.begins]).toEqual(Array.from(tracks.begins, (_, i) => i * BASE_STEP));
      expect([tracks.timeStep, tracks.end]).toEqual([BASE_STEP, length]);
      const workingSet = (all: typeof accesses): number[] =>
        Array.from(tracks.begins, (_, at) => {
          const here = all.filter((one) => stretchOf(one) === at);
          return pagesOf(partsOf(here, 'virtual')).length;
        });
      expect([...tracks.pages]).toEqual(workingSet(accesses));
      const made = small.seen.accesses.filter((one) => one.stream === stream);
      expect(tracks.vcpus.map(({ vcpu }) => vcpu)).toEqual(
        expect.arrayContaining([...new Set(made.map(({ vcpu }) => vcpu))].sort((a, b) => a - b)),
      );
      for (const own of tracks.vcpus) {
        const mine = accesses.filter(({ vcpu }) => vcpu === own.vcpu);
        const count = (pick: (one: (typeof mine)[number]) => boolean): number[] =>
          Array.from(
            tracks.begins,
            (_, at) => mine.filter((one) => pick(one) && stretchOf(one) === at).length,
          );
        expect([...own.pages]).toEqual(workingSet(mine));
        expect([...own.stores]).toEqual(count(({ store }) => store));
        expect([...own.loads]).toEqual(count(({ store }) => !store));
        expect([...own.userAccesses]).toEqual(count(({ cpl }) => cpl === 3));
        expect([...own.kernelAccesses]).toEqual(count(({ cpl }) => cpl !== 3));
        const lastBefore = (ordinal: number): number =>
          Number(
            made.findLast((one) => one.vcpu === own.vcpu && one.ordinal < ordinal)?.icount ?? 0n,
          );
        expect([...own.icount]).toEqual(Array.from(tracks.begins, lastBefore));
        const last = own.instructions.length - 1;
        expect((own.icount[last] ?? 0) + (own.instructions[last] ?? 0)).toBe(lastBefore(length));
        for (const [at, space] of own.addressSpace.entries()) {
          const here = mine.filter((one) => stretchOf(one) === at);
          const bySpace = new Map<bigint, number>();
          for (const { cr3 } of here) bySpace.set(cr3, (bySpace.get(cr3) ?? 0) + 1);
          const most = Math.max(0, ...bySpace.values());
          expect(space === -1 ? 0 : bySpace.get(tracks.addressSpaces[space] ?? -1n)).toBe(most);
        }
      }
      const wanted = { interrupts: 0, exceptions: 0 };
      for await (const note of small.trace.notes({ stream, kinds: ['event'] })) {
        if (note.kind !== 'event') continue;
        if ((note.what & 0x100) !== 0) wanted.interrupts++;
        else if ((note.what & 0xde00) === 0) wanted.exceptions++;
      }
      expect(sumOf(tracks.vcpus.map((own) => sumOf(own.interrupts)))).toBe(wanted.interrupts);
      expect(sumOf(tracks.vcpus.map((own) => sumOf(own.exceptions)))).toBe(wanted.exceptions);
      expect(wanted.interrupts + wanted.exceptions).toBeGreaterThan(0);
    }
  });

  it('tells where a page was touched, and where one of several was', async () => {
    await fc.assert(
      fc.asyncProperty(queries, fc.boolean(), async (wanted, isOne) => {
        const { space, stream, from, to, low, high } = queryOf(wanted);
        const { parts, pages } = requireDefined(oracle.get(space), 'both are there');
        const rank = Math.min(Math.floor(low), pages.length - 1);
        const rankEnd = isOne ? rank + 1 : Math.min(Math.ceil(high), pages.length);
        const asked = new Set(pages.slice(rank, rankEnd));
        const ofPage = parts.filter((one) => one.stream === stream && asked.has(one.page));
        const stretches = new Set(ofPage.map(({ ordinal }) => Math.floor(ordinal / BASE_STEP)));
        const expected = [...stretches]
          .sort((a, b) => a - b)
          .map((at) => ({
            from: Math.max(from, at * BASE_STEP),
            to: Math.min(to, lengthOf(stream), (at + 1) * BASE_STEP),
          }))
          .filter((range) => range.from < range.to);
        const ask = { space, stream, rank, ...(isOne ? {} : { rankEnd }), from, to };
        const forward = await listOf(exact.touched({ ...ask, direction: 'forward' }));
        const backward = await listOf(exact.touched({ ...ask, direction: 'backward' }));
        expect(forward).toEqual(expected);
        expect(backward).toEqual(expected.toReversed());
      }),
      { numRuns: 30 },
    );
  });

  it('refuses what there is not', async () => {
    const query = {
      space: 'virtual',
      stream: 0,
      from: 0,
      to: 9,
      columns: 4,
      low: 0,
      high: 4,
      rows: 4,
    } as const;
    const wrong: Partial<TileQuery>[] = [
      ...[{ stream: 9 }, { to: 0 }, { from: -1 }, { from: 0.5 }, { columns: 0 }, { columns: 1025 }],
      ...[{ rows: 2 ** 20 }, { low: -1 }, { high: 0 }, { high: Infinity }, { low: Number.NaN }],
    ];
    for (const change of wrong) {
      await expect(exact.tile({ ...query, ...change })).rejects.toMatchObject({
        kind: 'bad-argument',
      });
    }
    await expect(exact.tracks({ stream: 0, from: 0, to: 9, columns: 0 })).rejects.toMatchObject({
      kind: 'bad-argument',
    });
    const touch = { space: 'virtual', stream: 0, from: 0, to: 9, direction: 'forward' } as const;
    expect(() => exact.touched({ ...touch, rank: exact.pages.virtual?.count ?? 0 })).toThrow(
      'rank',
    );
  });

  it('stops when told', async () => {
    const query = {
      space: 'virtual',
      stream: 0,
      from: 0,
      to: 9,
      columns: 4,
      low: 0,
      high: 4,
      rows: 4,
    } as const;
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(exact.tile(query, signal)).rejects.toThrow('enough');
    const file = path.join(small.folder, 'other.view');
    const build = buildViewIndex(small.trace, file, { workerUrl: BUILD_WORKER, signal });
    await expect(build).rejects.toThrow('enough');
  });
});
