// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  createVcpuPageCounter,
  createWorkingSetCounter,
  sharesOf,
  type VcpuPages,
  vcpusOfPages,
} from './vcpu-pages.ts';

const PAGES = 12;
const TIME_SHIFTS = [12, 14, 16];

interface CountedChunk {
  readonly own: VcpuPages;
  readonly cellCount: Uint32Array;
  readonly page: Uint32Array;
}

/** Runs of accesses of a vCPU, each of some pages, by stretch. */
type Run = readonly [vcpu: number, pages: readonly number[]];

/** As PageCounter does: pages get rows as they come, and their places by number in the end. */
function countChunk(stretches: readonly (readonly Run[])[]): CountedChunk {
  const counter = createVcpuPageCounter(0);
  const cells: number[][] = [];
  for (const runs of stretches) {
    const touched = new Set<number>();
    for (const [vcpu, pages] of runs) {
      counter.switchTo(vcpu, Uint32Array.from(touched));
      for (const page of pages) {
        const row = PAGES - 1 - page;
        touched.add(row);
        counter.add(row);
      }
    }
    counter.closeStretch();
    cells.push([...touched].map((row) => PAGES - 1 - row).sort((a, b) => a - b));
  }
  const pageOfRow = Uint32Array.from({ length: PAGES }, (_, row) => PAGES - 1 - row);
  return {
    own: counter.finish(pageOfRow),
    cellCount: Uint32Array.from(cells, ({ length }) => length),
    page: Uint32Array.from(cells.flat()),
  };
}

const chunks = fc.array(
  fc.array(
    fc.array(fc.tuple(fc.nat(2), fc.array(fc.nat(PAGES - 1), { maxLength: 5 })), { maxLength: 4 }),
    { minLength: 1, maxLength: 9 },
  ),
  { minLength: 1, maxLength: 5 },
);

it('counts the pages of each vCPU in buckets of every level', () => {
  let several = 0;
  fc.assert(
    fc.property(chunks, fc.boolean(), (all, isCut) => {
      // A chunk may begin in the stretch in which the one before ends.
      const firsts: number[] = [];
      let stretchCount = 0;
      for (const stretches of all) {
        firsts.push(isCut && stretchCount > 0 ? stretchCount - 1 : stretchCount);
        stretchCount = (firsts.at(-1) ?? 0) + stretches.length;
      }
      const counter = createWorkingSetCounter(TIME_SHIFTS, stretchCount, PAGES);
      const ranks = Uint32Array.from({ length: PAGES }, (_, page) => page);
      const expected = new Map<string, Set<number>>();
      for (const [at, stretches] of all.entries()) {
        const first = firsts[at] ?? 0;
        const { own, ...counts } = countChunk(stretches);
        for (const share of sharesOf(own, counts)) {
          counter.add(share.vcpu, first + share.stretch, share.pages, ranks);
        }
        const who = new Set<number>();
        for (const [stretch, runs] of stretches.entries()) {
          if (new Set(runs.flatMap(([vcpu, pages]) => (pages.length > 0 ? vcpu : []))).size > 1) {
            several++;
          }
          for (const [vcpu, pages] of runs) {
            if (pages.length > 0) who.add(vcpu);
            for (const [level, shift] of TIME_SHIFTS.entries()) {
              const bucket = Math.floor((first + stretch) / 2 ** (shift - 12));
              const key = `${vcpu}/${level}/${bucket}`;
              expected.set(key, new Set([...(expected.get(key) ?? []), ...pages]));
            }
          }
        }
        expect([...vcpusOfPages(own)]).toEqual(expect.arrayContaining([...who]));
      }
      const found = counter.finish();
      for (let vcpu = 0; vcpu <= 2; vcpu++) {
        for (const [level, shift] of TIME_SHIFTS.entries()) {
          const buckets = Math.ceil(stretchCount / 2 ** (shift - 12));
          const wanted = Array.from(
            { length: buckets },
            (_, bucket) => expected.get(`${vcpu}/${level}/${bucket}`)?.size ?? 0,
          );
          const sets = found.get(vcpu)?.[level];
          expect(Array.from(sets ?? new Uint32Array(buckets))).toEqual(wanted);
        }
      }
    }),
    { numRuns: 300 },
  );
  expect(several).toBeGreaterThan(100);
});

it('keeps a number for a stretch of one vCPU, and no pages', () => {
  const { own } = countChunk([
    [[0, [1, 2]]],
    [
      [0, []],
      [3, [4]],
    ],
    [
      [3, [5]],
      [0, [6]],
      [3, [7]],
    ],
  ]);
  expect([...own.vcpu]).toEqual([0, 3, 0xffff_ffff]);
  expect([...own.shareVcpu]).toEqual([3, 0]);
  expect([...own.page]).toEqual([5, 7, 6]);
});
