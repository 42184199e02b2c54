// SPDX-License-Identifier: Apache-2.0
// Each rule of the caches on a few accesses, worked out by hand. Neither the kernel nor its slow twin is asked what is
// right. In the comments sets are lists of lines, the last used first unless something else is said; * is dirty.
import { describe, expect, it } from 'vitest';
import type { CacheLevelResult, CacheResult } from './cache-analysis.ts';
import type { ProgramAccess, ProgramRun } from './cache-hierarchy.oracle.ts';
import { columnsOf, shapeOf, simulate } from './cache-program.oracle.ts';
import type { CacheParameters, LevelName } from './parameters.ts';

const LINE_BYTES = 16;

/** Data only. Two sets of two ways: even lines are in set 0, odd ones in set 1. */
const TWO_SETS: CacheParameters = {
  lineBytes: LINE_BYTES,
  l1i: undefined,
  l1d: { sizeBytes: 64, ways: 2 },
  l2: undefined,
  ll: undefined,
  replacePolicy: 'lru',
  randomSeed: 1,
  writeAllocate: true,
  dataPrefetcher: 'none',
  usePhysical: false,
  warmupRefs: 0,
  classify: false,
};

const SHAPE = shapeOf([{ vaddr: 0x1000n, insnBytes: [1] }], 2);

/** The one instruction of the code makes each access. */
function runOf(access: Pick<ProgramAccess, 'address' | 'size' | 'store'>, vcpu = 0): ProgramRun {
  const accesses = [{ insn: 0, device: false, ...access }];
  return { vcpu, block: 0, executed: 1, accesses };
}

/** "L0 S2 L0@1": loads line 0, stores to line 2, and vCPU 1 loads line 0. */
function runsOf(words: string): ProgramRun[] {
  return words.split(' ').map((word) => {
    const [, kind, line = '', vcpu = '0'] = /^([LS])(\d+)(?:@(\d))?$/.exec(word) ?? [];
    const address = BigInt(LINE_BYTES * Number(line));
    return runOf({ address, size: 1, store: kind === 'S' }, Number(vcpu));
  });
}

function play(parameters: CacheParameters, words: string): CacheResult {
  return simulate(parameters, SHAPE, [columnsOf(runsOf(words))]);
}

function levelOf({ levels }: CacheResult, name: LevelName): CacheLevelResult {
  const level = levels.find((one) => one.name === name);
  if (level === undefined) throw new Error(`there is no ${name}`);
  return level;
}

/** For each access whether it hit (h) or missed (m) in the L1D, by what one access more comes to. */
function fatesOf(parameters: CacheParameters, words: string): string {
  const all = words.split(' ');
  let before = 0;
  const fates = all.map((_, last) => {
    const { misses } = levelOf(play(parameters, all.slice(0, last + 1).join(' ')), 'L1D');
    const fate = misses === before ? 'h' : 'm';
    before = misses;
    return fate;
  });
  return fates.join(' ');
}

describe('by hand', () => {
  it('lru gives up what was used longest ago', () => {
    // Set 0: 0 | 2 0 | 0 2 | 4 0, 2 gone | 0 4 | 2 0, 4 gone | 0 2 | 4 0, 2 gone. Set 1: 1.
    const words = 'L0 L2 L0 L4 L0 L2 L0 L4 L1';
    expect(fatesOf(TWO_SETS, words)).toBe('m m h m h m h m m');
  });

  it('fifo gives up what was brought in first, however often it was used', () => {
    // Set 0, the last filled first: 0 | 2 0 | the same | 4 2, 0 gone | 0 4, 2 gone | 2 0, 4 gone | the same | 4 2. Set 1: 1.
    const words = 'L0 L2 L0 L4 L0 L2 L0 L4 L1';
    expect(fatesOf({ ...TWO_SETS, replacePolicy: 'fifo' }, words)).toBe('m m h m m m h m m');
  });

  it('plru follows its tree, where lru would give up another line', () => {
    // One set of four ways. The tree: the side that is given up next, at the root (left: ways 0 and 1; right: 2 and 3), among the left ways, and
    // among the right ones. Each use turns the nodes above the way to the other side.
    const parameters: CacheParameters = {
      ...TWO_SETS,
      replacePolicy: 'plru',
      l1d: { sizeBytes: 64, ways: 4 },
    };
    // 0 1 2 3   filled in the order of ways: left, 0, 2
    // 0 hits    right, 1, 2
    // 4         right, 2: line 2 goes, where lru gives up 1: left, 1, 3
    // 1 hits    right, 0, 3
    // 2         right, 3: line 3 goes: left, 0, 2
    // 3         left, 0: line 0 goes: right, 1, 2
    // 0         right, 2: line 4 goes
    const words = 'L0 L1 L2 L3 L0 L4 L1 L2 L3 L0';
    expect(fatesOf(parameters, words)).toBe('m m m m h m h m m m');
    expect(fatesOf({ ...parameters, replacePolicy: 'lru' }, 'L0 L1 L2 L3 L0 L4 L1')).toBe(
      'm m m m h m m',
    );
  });

  it('random gives up one line of the full set, and nothing while there is room', () => {
    const full = 'L0 L2 L1 L3 L0 L2 L1 L3';
    const victims = Array.from({ length: 10 }, (_, randomSeed) => {
      const parameters: CacheParameters = { ...TWO_SETS, replacePolicy: 'random', randomSeed };
      expect(fatesOf(parameters, full)).toBe('m m m m h h h h');
      // Line 4 takes the place of 0 or of 2. Set 1 keeps its lines, and line 4 stays.
      const missed = ['L0', 'L2', 'L1', 'L3', 'L4'].filter(
        (word) => levelOf(play(parameters, `${full} L4 ${word}`), 'L1D').misses === 6,
      );
      expect(missed).toHaveLength(1);
      return missed[0];
    });
    expect(new Set(victims)).toEqual(new Set(['L0', 'L2']));
  });

  it('nextline asks for the next line after each miss in the L1D, and counts that apart', () => {
    // An LL with room for all lines.
    const parameters: CacheParameters = { ...TWO_SETS, ll: { sizeBytes: 128, ways: 8 } };
    const words = 'L0 L1 L2 L3 L5 L6 L0 L4';
    // access   prefetch  set 0       set 1       LL
    // 0 misses 1 misses  0           1           misses both
    // 1 hits             0           1
    // 2 misses 3 misses  2 0         3 1         misses both
    // 3 hits             2 0         3 1
    // 5 misses 6 misses  6 2, 0 gone 5 3, 1 gone misses both
    // 6 hits             6 2         5 3
    // 0 misses 1 misses  0 6, 2 gone 1 5, 3 gone has both
    // 4 misses 5 hits    4 0, 6 gone 5 1         misses 4, is not asked for 5
    const prefetching: CacheParameters = { ...parameters, dataPrefetcher: 'nextline' };
    expect(fatesOf(prefetching, words)).toBe('m h m h m h m m');
    const result = play(prefetching, words);
    expect(levelOf(result, 'L1D')).toMatchObject({
      ...{ accesses: 8, misses: 5 },
      prefetches: { accesses: 5, misses: 4 },
    });
    expect(levelOf(result, 'LL')).toMatchObject({
      ...{ accesses: 5, misses: 4 },
      prefetches: { accesses: 4, misses: 3 },
    });
    expect(fatesOf(parameters, words)).toBe('m m m m m m m m');
  });

  it('without write-allocate a store goes to the first level that has the line, or to memory', () => {
    const parameters: CacheParameters = {
      ...{ ...TWO_SETS, writeAllocate: false },
      ll: { sizeBytes: 128, ways: 8 },
    };
    // S0 neither has it: written to memory, brought in nowhere
    // L0 both miss, both have it
    // S0 hits in the L1D: 0*
    // S2 neither has it: memory again
    // L2 both miss: 2 0*
    // L4 both miss: 4 2, and 0* makes the LL's copy dirty
    // S0 misses in the L1D, hits in the LL
    // L0 misses in the L1D, for the store did not bring it in; hits in the LL
    const words = 'S0 L0 S0 S2 L2 L4 S0 L0';
    expect(fatesOf(parameters, words)).toBe('m m h m m m m m');
    const result = play(parameters, words);
    expect(levelOf(result, 'L1D')).toMatchObject({
      loads: { accesses: 4, misses: 4 },
      stores: { accesses: 4, misses: 3 },
      writebacks: 1,
    });
    expect(levelOf(result, 'LL')).toMatchObject({
      loads: { accesses: 4, misses: 3 },
      stores: { accesses: 3, misses: 2 },
      writebacks: 0,
    });
    expect(result.memoryWrites).toBe(2);
  });

  it('a dirty line is written back level by level', () => {
    const parameters: CacheParameters = {
      ...TWO_SETS,
      l1d: { sizeBytes: 32, ways: 2 },
      ll: { sizeBytes: 64, ways: 4 },
    };
    //    L1D    LL
    // S0 0*     0
    // S1 1* 0*  1 0
    // L2 2 1*   2 1 0*     0 written back to the LL
    // L3 3 2    3 2 1* 0*  1 written back to the LL
    // L4 4 3    4 3 2 1*   0 written to memory by the LL
    // S5 5* 4   5 4 3 2    1 written to memory by the LL
    const result = play(parameters, 'S0 S1 L2 L3 L4 S5');
    expect(levelOf(result, 'L1D')).toMatchObject({ accesses: 6, misses: 6, writebacks: 2 });
    // What is written back is no access there.
    expect(levelOf(result, 'LL')).toMatchObject({ accesses: 6, misses: 6, writebacks: 2 });
    expect(result.memoryWrites).toBe(2);
  });

  it('a dirty line that no level behind has is written to memory', () => {
    const parameters: CacheParameters = {
      ...TWO_SETS,
      l1d: { sizeBytes: 32, ways: 2 },
      ll: { sizeBytes: 32, ways: 2 },
    };
    //    L1D   LL
    // S0 0*    0
    // L1 1 0*  1 0
    // L0 0* 1  1 0   the LL is not asked
    // L2 2 0*  2 1   the LL gives up 0, which is clean there
    // L3 3 2   3 2   0* is written to memory by the L1D
    const result = play(parameters, 'S0 L1 L0 L2 L3');
    expect(levelOf(result, 'L1D')).toMatchObject({ misses: 4, writebacks: 1 });
    expect(levelOf(result, 'LL')).toMatchObject({ accesses: 4, misses: 4, writebacks: 0 });
    expect(result.memoryWrites).toBe(1);
  });

  it('a miss is compulsory, of capacity, or a conflict', () => {
    // "any": the fully associative cache of four lines.
    //   set 0 set 1 any
    // 0 0           0        compulsory
    // 2 2 0         2 0      compulsory
    // 4 4 2         4 2 0    compulsory
    // 0 0 4         0 4 2    conflict: any has it
    // 1 0 4   1     1 0 4 2  compulsory
    // 3 0 4   3 1   3 1 0 4  compulsory
    // 2 2 0   3 1   2 3 1 0  capacity: any has given it up
    // 0 0 2   3 1   0 2 3 1  a hit
    // 4 4 0   3 1   4 0 2 3  capacity
    // 2 2 4   3 1   2 4 0 3  conflict
    const words = 'L0 L2 L4 L0 L1 L3 L2 L0 L4 L2';
    const parameters: CacheParameters = { ...TWO_SETS, classify: true };
    expect(fatesOf(parameters, words)).toBe('m m m m m m m h m m');
    expect(levelOf(play(parameters, words), 'L1D').classes).toEqual({
      ...{ compulsory: 5, capacity: 2, conflict: 2 },
    });
  });

  it('L1D and L2 are of one vCPU each, the LL is of all', () => {
    const parameters: CacheParameters = {
      ...TWO_SETS,
      l1d: { sizeBytes: 32, ways: 2 },
      l2: { sizeBytes: 64, ways: 4 },
      ll: { sizeBytes: 128, ways: 8 },
    };
    //      L1D of 0  of 1
    // L0   0               misses everywhere
    // L0@1 0         0     misses in its own L1D and L2, hits in the LL
    // L0   0         0     hits
    // S0@1 0         0*    hits
    // L0   0         0*    hits: the store left this copy alone
    // L1   1 0       0*    misses everywhere
    // L2   2 1       0*    misses everywhere
    // L0   0 2       0*    misses in the L1D, hits in the L2
    const result = play(parameters, 'L0 L0@1 L0 S0@1 L0 L1 L2 L0');
    expect(levelOf(result, 'L1D').caches).toEqual([
      { vcpu: 0, accesses: 6, misses: 4 },
      { vcpu: 1, accesses: 2, misses: 1 },
    ]);
    expect(levelOf(result, 'L2').caches).toEqual([
      { vcpu: 0, accesses: 4, misses: 3 },
      { vcpu: 1, accesses: 1, misses: 1 },
    ]);
    expect(levelOf(result, 'LL').caches).toEqual([{ vcpu: null, accesses: 4, misses: 3 }]);
    expect(result.memoryWrites).toBe(0);
  });

  it('physical addresses choose the set, and are what a line is', () => {
    // 512 sets of one line: two pages. Lines at the begin of pages are in set 0 or, of odd pages, in set 256.
    const parameters: CacheParameters = { ...TWO_SETS, l1d: { sizeBytes: 8192, ways: 1 } };
    const frames = [2n, 4n, 5n, 2n];
    const frameOf = (page: bigint): bigint => frames[Number(page)] ?? 0n;
    // page     0     1     0     2     0     3        2
    // frame    2     4     2     5     2     2        5
    // set      0     0     0     256   0     0        256
    // physical miss  miss  miss  miss  hit   hit      hit
    // virtual  miss  miss  hit   miss  miss  miss     miss
    const pages = [0n, 1n, 0n, 2n, 0n, 3n, 2n];
    const runs = pages.map((page) => runOf({ address: page << 12n, size: 1, store: false }));
    const missesOf = (usePhysical: boolean, all: readonly ProgramRun[]): object => {
      const columns = columnsOf(all, frameOf);
      const result = simulate({ ...parameters, usePhysical }, SHAPE, [columns]);
      const { accesses, misses } = levelOf(result, 'L1D');
      return { accesses, misses, lineCrossings: result.lineCrossings };
    };
    expect(missesOf(true, runs)).toEqual({ accesses: 7, misses: 4, lineCrossings: 0 });
    expect(missesOf(false, runs)).toEqual({ accesses: 7, misses: 6, lineCrossings: 0 });
    // From page 0 into page 1: the last line of frame 2 is new, and the first of frame 4 was given up for that of frame 2.
    const crossing = runOf({ address: 0xffcn, size: 8, store: false });
    expect(missesOf(true, [...runs, crossing])).toEqual({
      ...{ accesses: 9, misses: 6, lineCrossings: 1 },
    });
    // Had it gone on behind frame 2, in frame 3, that line would be of set 256, where frame 5 is.
    expect(missesOf(true, [...runs, crossing, ...runs.slice(-1)])).toEqual({
      ...{ accesses: 10, misses: 6, lineCrossings: 1 },
    });
  });
});
