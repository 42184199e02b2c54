// SPDX-License-Identifier: Apache-2.0
// The kernel against its slow twin on random programs; by hand; and cut and sharded anywhere, the same answer.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CacheResult, chooseCacheAnalysis } from './cache-analysis.ts';
import { cacheDigesting } from './cache-digest.ts';
import {
  type ProgramBlock,
  type ProgramRun,
  type SlowCache,
  simulateSlowly,
} from './cache-hierarchy.oracle.ts';
import {
  columnsOf,
  shapeOf,
  simulate,
  simulateDigested,
  simulateSharded,
} from './cache-program.oracle.ts';
import { REPLACE_POLICIES } from './geometry.ts';
import type { CacheParameters } from './parameters.ts';

const VCPU_COUNT = 2;

/** Small enough that everything happens within some hundred accesses. */
const SMALL: CacheParameters = {
  lineBytes: 16,
  l1i: { sizeBytes: 128, ways: 2 },
  l1d: { sizeBytes: 256, ways: 4 },
  l2: { sizeBytes: 512, ways: 4 },
  ll: { sizeBytes: 1024, ways: 8 },
  replacePolicy: 'lru',
  randomSeed: 7,
  writeAllocate: true,
  dataPrefetcher: 'none',
  usePhysical: false,
  warmupRefs: 0,
  classify: false,
};

const BLOCKS: readonly ProgramBlock[] = [
  { vaddr: 0x1000n, insnBytes: [3, 5, 9, 2, 15, 1] },
  { vaddr: 0xffff_ffff_8100_000en, insnBytes: [4, 4] },
  { vaddr: 0x107fn, insnBytes: [1, 15, 15, 15, 15, 15, 15, 2] },
  { vaddr: 0x0n, insnBytes: [] },
];

const anyAddress = fc.oneof(
  { weight: 8, arbitrary: fc.nat(0x7ff).map((low) => 0x1000n + BigInt(low)) },
  { weight: 2, arbitrary: fc.nat(0x3ff).map((low) => 0xffff_8880_0000_0000n + BigInt(low)) },
  // Across the halves of a 64-bit number.
  { weight: 1, arbitrary: fc.nat(0x3f).map((low) => 0x1_ffff_ffe0n + BigInt(low)) },
);
const anyAccess = fc.record({
  insn: fc.nat(7),
  address: anyAddress,
  size: fc.constantFrom(1, 2, 4, 8, 16, 32, 64, 128),
  store: fc.boolean(),
  device: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
});
const anyRun: fc.Arbitrary<ProgramRun> = fc
  .record({
    vcpu: fc.nat(VCPU_COUNT - 1),
    block: fc.nat(BLOCKS.length - 1),
    cut: fc.nat(9),
    again: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
    accesses: fc.array(anyAccess, { maxLength: 6, size: 'max' }),
  })
  .map(({ vcpu, block, cut, again, accesses }) => {
    const count = BLOCKS[block]?.insnBytes.length ?? 0;
    const executed = Math.min(cut, count);
    // A delivery block has no instruction: its accesses are those of number 0.
    const inBlock = accesses
      .map((one) => ({ ...one, insn: one.insn % Math.max(1, executed) }))
      .toSorted((a, b) => a.insn - b.insn);
    return {
      vcpu,
      block,
      executed,
      continues: again && executed > 0,
      accesses: count === 0 || executed > 0 ? inBlock : [],
    };
  });
const anyProgram = fc.array(anyRun, { maxLength: 60, size: 'max' });

const anyParameters: fc.Arbitrary<CacheParameters> = fc
  .record({
    replacePolicy: fc.constantFrom(...REPLACE_POLICIES),
    writeAllocate: fc.boolean(),
    lineBytes: fc.constantFrom(16, 32, 64),
    levels: fc.constantFrom('all', 'no l1i', 'no l2', 'no ll', 'only l1d'),
    randomSeed: fc.integer(),
    extra: fc.constantFrom('nothing', 'prefetch', 'classify'),
    warmupRefs: fc.oneof(fc.constant(0), fc.nat(100)),
  })
  .map(({ levels, extra, ...rest }) => ({
    ...SMALL,
    ...rest,
    ...(levels === 'no l1i' || levels === 'only l1d' ? { l1i: undefined } : {}),
    ...(levels === 'no l2' || levels === 'only l1d' ? { l2: undefined } : {}),
    ...(levels === 'no ll' || levels === 'only l1d' ? { ll: undefined } : {}),
    dataPrefetcher: extra === 'prefetch' ? 'nextline' : 'none',
    classify: extra === 'classify',
  }));

/** All that is digested. */
const anyLruParameters: fc.Arbitrary<CacheParameters> = fc
  .record({
    lineBytes: fc.constantFrom(16, 32, 64),
    ways: fc.constantFrom(1, 2, 4),
    l1i: fc.boolean(),
    l2: fc.boolean(),
    ll: fc.boolean(),
    usePhysical: fc.boolean(),
  })
  .map(({ lineBytes, ways, l1i, l2, ll, usePhysical }) => ({
    ...SMALL,
    ...{ lineBytes, usePhysical },
    l1i: l1i && !usePhysical ? { sizeBytes: 128, ways: Math.min(2, ways) } : undefined,
    l1d: { sizeBytes: 256, ways },
    l2: l2 ? SMALL.l2 : undefined,
    ll: ll ? SMALL.ll : undefined,
  }));
const anyLongProgram = fc.array(anyRun, { size: 'max', maxLength: 120 });

const shape = shapeOf(BLOCKS, VCPU_COUNT);

/** What the slow twin found, in the words of the result. */
function resultBySlowTwin(parameters: CacheParameters, runs: readonly ProgramRun[]): object {
  const slow = simulateSlowly(parameters, BLOCKS, runs, VCPU_COUNT);
  const sum = (caches: readonly SlowCache[], pick: (cache: SlowCache) => number): number =>
    caches.reduce((total, cache) => total + pick(cache), 0);
  return {
    memoryWrites: slow.memoryWrites,
    lineCrossings: slow.lineCrossings,
    instructions: parameters.l1i === undefined ? null : slow.instructions,
    device: slow.device,
    levels: ['L1I', 'L1D', 'L2', 'LL'].flatMap((name) => {
      const caches = slow.caches.filter(({ level }) => level === name);
      if (caches.length === 0) return [];
      const kind = (which: 'load' | 'store' | 'fetch' | 'prefetch') => ({
        accesses: sum(caches, ({ accesses }) => accesses[which]),
        misses: sum(caches, ({ misses }) => misses[which]),
      });
      const classes = {
        compulsory: sum(caches, ({ compulsory }) => compulsory),
        capacity: sum(caches, ({ capacity }) => capacity),
        conflict: sum(caches, ({ conflict }) => conflict),
      };
      return [
        {
          name,
          loads: kind('load'),
          stores: kind('store'),
          fetches: kind('fetch'),
          prefetches: kind('prefetch'),
          writebacks: sum(caches, ({ writebacks }) => writebacks),
          ...(parameters.classify ? { classes } : {}),
        },
      ];
    }),
    sites: sitesOf(slow.caches),
  };
}

function sitesOf(caches: readonly SlowCache[]): Record<string, number> {
  const sites: Record<string, number> = {};
  for (const { level, siteMisses } of caches) {
    for (const [site, misses] of siteMisses) {
      sites[`${level} ${site}`] = (sites[`${level} ${site}`] ?? 0) + misses;
    }
  }
  return sites;
}

function inTheSameWords(result: CacheResult): object {
  const { memoryWrites, lineCrossings, instructions, excluded, levels, missesByInsn } = result;
  return {
    memoryWrites,
    lineCrossings,
    instructions,
    device: excluded.device,
    levels: levels.map(({ name, loads, stores, fetches, prefetches, writebacks, classes }) => ({
      name,
      loads,
      stores,
      fetches,
      prefetches,
      writebacks,
      ...(classes === undefined ? {} : { classes }),
    })),
    sites: missingSites(missesByInsn),
  };
}

function missingSites(missesByInsn: CacheResult['missesByInsn']): Record<string, number> {
  const sites: Record<string, number> = {};
  for (const [level, misses] of Object.entries(missesByInsn)) {
    for (let block = 0; block < shape.blockCount; block++) {
      const begin = shape.insnBase[block] ?? 0;
      for (let at = begin; at < (shape.insnBase[block + 1] ?? 0); at++) {
        const count = misses[at] ?? 0;
        if (count > 0) sites[`${level} ${block}:${at - begin}`] = count;
      }
    }
  }
  return sites;
}

describe('the cache hierarchy', () => {
  it('does what its slow twin does', () => {
    fc.assert(
      fc.property(anyParameters, anyProgram, (parameters, runs) => {
        // Warm-up ends at an access: a program that has not so many is all warm-up and counts nothing.
        const refs = runs.reduce((sum, run) => sum + run.accesses.length, 0);
        fc.pre(parameters.warmupRefs === 0 || parameters.warmupRefs < refs);
        fc.pre(parameters.warmupRefs === 0 || parameters.l1i === undefined);
        expect(inTheSameWords(simulate(parameters, shape, [columnsOf(runs)]))).toEqual(
          resultBySlowTwin(parameters, runs),
        );
      }),
      { numRuns: 80 },
    );
  });

  it('is the same however the stretches are cut', () => {
    fc.assert(
      fc.property(anyParameters, anyProgram, fc.nat(), (parameters, runs, seed) => {
        const refs = runs.reduce((sum, run) => sum + run.accesses.length, 0);
        fc.pre(parameters.warmupRefs <= refs);
        const cut = seed % (runs.length + 1);
        const parts = [runs.slice(0, cut), runs.slice(cut)].map((part) => columnsOf(part));
        expect(simulate(parameters, shape, parts)).toEqual(
          simulate(parameters, shape, [columnsOf(runs)]),
        );
      }),
    );
  });

  it('is the same in shards', () => {
    fc.assert(
      fc.property(anyParameters, anyProgram, fc.constantFrom(2, 4), (parameters, runs, count) => {
        fc.pre(parameters.warmupRefs === 0 && !parameters.classify);
        fc.pre(parameters.dataPrefetcher === 'none');
        fc.pre(chooseCacheAnalysis(parameters).shardLimit(parameters, shape, 8) >= count);
        expect(simulateSharded(parameters, shape, [columnsOf(runs)], count)).toEqual(
          simulate(parameters, shape, [columnsOf(runs)]),
        );
      }),
    );
  });

  it('is the same digested, wherever chunks are cut', () => {
    const anyCuts = fc.array(fc.nat(), { maxLength: 12 });
    fc.assert(
      fc.property(anyLruParameters, anyLongProgram, anyCuts, (parameters, runs, cuts) => {
        expect(cacheDigesting.isPossible(parameters, shape)).toBe(true);
        const places = [0, ...cuts.map((cut) => cut % (runs.length + 1)), runs.length];
        places.sort((a, b) => a - b);
        const parts = places.slice(1).map((end, at) => runs.slice(places[at], end));
        // Of two stretches each.
        const chunks = parts.map((part) => [
          columnsOf(part.slice(0, part.length >> 1)),
          columnsOf(part.slice(part.length >> 1)),
        ]);
        expect(simulateDigested(parameters, shape, chunks)).toEqual(
          simulate(parameters, shape, [columnsOf(runs)]),
        );
      }),
      { numRuns: 200 },
    );
  }, 30_000);

  it('is only digested when what a cache holds follows from what it was asked for last', () => {
    const others: readonly Partial<CacheParameters>[] = [
      ...(['fifo', 'random', 'plru'] as const).map((replacePolicy) => ({ replacePolicy })),
      { writeAllocate: false },
      { dataPrefetcher: 'nextline' },
      { classify: true },
      { warmupRefs: 1 },
      // Its tags would be more than the chunk.
      { l1d: { sizeBytes: 2 ** 20, ways: 2 } },
    ];
    for (const other of others) {
      expect(cacheDigesting.isPossible({ ...SMALL, ...other }, shape)).toBe(false);
    }
  });

  it('is the same in pieces and at once, with more than a piece of each', () => {
    const runs = Array.from(
      { length: 90_000 },
      (_, index): ProgramRun => ({
        vcpu: 0,
        block: index % 3,
        executed: 2,
        accesses:
          index < 40_000
            ? []
            : [...Array(3).keys()].map((insn) => ({
                insn: Math.min(insn, 1),
                address: BigInt((index * 88 + insn * 4096) % 70_000),
                size: 4,
                store: insn === 1,
                device: false,
              })),
      }),
    );
    const parts = Array.from({ length: 90 }, (_, part) =>
      runs.slice(part * 1000, part * 1000 + 1000),
    );
    const whole = simulate(SMALL, shape, [columnsOf(runs)]);
    expect(
      simulate(
        SMALL,
        shape,
        parts.map((part) => columnsOf(part)),
      ),
    ).toEqual(whole);
    expect(whole.dataAccesses).toBe(150_000);
    expect(whole.instructions).toBe(180_000);
  });

  it('finds lines of physical memory, also those of the second page', () => {
    // Pages change places, so that no two neighbours stay neighbours.
    const frameOf = (page: bigint): bigint => (page * 7n + 3n) % 16n;
    fc.assert(
      fc.property(
        anyProgram,
        fc.constantFrom(16, 64),
        fc.boolean(),
        (runs, lineBytes, inShards) => {
          const parameters = { ...SMALL, l1i: undefined, usePhysical: true, lineBytes };
          const limit = chooseCacheAnalysis(parameters).shardLimit(parameters, shape, 8);
          const shards = inShards ? limit : 1;
          const small = runs.map((run) => ({
            ...run,
            accesses: run.accesses.map((one) => ({
              ...one,
              address: (one.address * 31n) % 0xff00n,
            })),
          }));
          // The twin is given the parts of an access in its two pages as two accesses.
          const split = small.map((run) => ({
            ...run,
            accesses: run.accesses.flatMap((one) => {
              const inFirst = 4096 - Number(one.address % 4096n);
              const at = (address: bigint): bigint =>
                frameOf(address >> 12n) * 4096n + (address & 0xfffn);
              const first = { ...one, address: at(one.address), size: Math.min(one.size, inFirst) };
              if (one.device || one.size <= inFirst) return [first];
              const second = {
                ...one,
                address: at(one.address + BigInt(inFirst)),
                size: one.size - inFirst,
              };
              return [first, second];
            }),
          }));
          const columns = columnsOf(small, frameOf);
          const found =
            shards === 1
              ? simulate(parameters, shape, [columns])
              : simulateSharded(parameters, shape, [columns], shards);
          const slow = simulateSlowly(parameters, BLOCKS, split, VCPU_COUNT);
          const data = slow.caches.filter(({ level }) => level === 'L1D');
          expect({
            l1d: found.levels.find(({ name }) => name === 'L1D')?.misses,
            ll: found.levels.find(({ name }) => name === 'LL')?.misses,
            memoryWrites: found.memoryWrites,
          }).toEqual({
            l1d: missesOf(data),
            ll: missesOf(slow.caches.filter(({ level }) => level === 'LL')),
            memoryWrites: slow.memoryWrites,
          });
        },
      ),
    );
  });

  it('counts nothing until it is warm', () => {
    const touch = (address: bigint): ProgramRun => ({
      ...{ vcpu: 0, block: 1, executed: 1 },
      accesses: [{ insn: 0, address, size: 4, store: false, device: false }],
    });
    const runs = [touch(0n), touch(64n), touch(0n), touch(64n), touch(128n)];
    const { levels, dataAccesses, instructions, missesByInsn } = simulate(
      { ...SMALL, warmupRefs: 2 },
      shape,
      [columnsOf(runs.slice(0, 1)), columnsOf(runs.slice(1))],
    );
    expect({ dataAccesses, instructions }).toEqual({ dataAccesses: 3, instructions: 3 });
    expect(levels.map(({ name, accesses, misses }) => [name, accesses, misses])).toEqual([
      // The instruction lies in two lines.
      ['L1I', 6, 0],
      ['L1D', 3, 1],
      ['L2', 1, 1],
      ['LL', 1, 1],
    ]);
    expect(missingSites(missesByInsn)).toEqual({ 'L1D 1:0': 1, 'L2 1:0': 1, 'LL 1:0': 1 });
  });

  it('counts what runs behind the last access of the warm-up, wherever the stretches are cut', () => {
    const touch = (address: bigint): ProgramRun => ({
      ...{ vcpu: 0, block: 1, executed: 1 },
      accesses: [{ insn: 0, address, size: 4, store: false, device: false }],
    });
    const silent: ProgramRun = { vcpu: 0, block: 1, executed: 1, accesses: [] };
    const runs = [silent, touch(0n), touch(64n), silent, silent, touch(128n), silent];
    const parameters = { ...SMALL, warmupRefs: 2 };
    const whole = simulate(parameters, shape, [columnsOf(runs)]);
    expect(whole.instructions).toBe(4);
    const found = Array.from({ length: runs.length + 1 }, (_, cut) => {
      const parts = [runs.slice(0, cut), runs.slice(cut)].map((part) => columnsOf(part));
      return simulate(parameters, shape, parts);
    });
    expect(found).toEqual(found.map(() => whole));
  });

  it('refuses a warm-up that is longer than the trace', () => {
    expect(() => simulate({ ...SMALL, warmupRefs: 1 }, shape, [columnsOf([])])).toThrow(
      'the warm-up leaves nothing to count',
    );
  });
});

function missesOf(caches: readonly SlowCache[]): number {
  return caches.reduce((sum, { misses }) => sum + misses.load + misses.store + misses.fetch, 0);
}
