// SPDX-License-Identifier: Apache-2.0
// The referee is valgrind's cachegrind: docs/referees.md. Its counts of test/referees/walk.S are committed; with
// LOADSTORE_REFEREE they are those of another program (scripts/referee-cachegrind.mjs).
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CacheLevelResult } from './cache-analysis.ts';
import type { ProgramAccess, ProgramBlock, ProgramRun } from './cache-hierarchy.oracle.ts';
import { columnsOf, shapeOf, simulate } from './cache-program.oracle.ts';
import type { CacheGeometry } from './geometry.ts';
import {
  type CachegrindCounts,
  countAsCachegrind,
  lackeyLine,
  type Reference,
  walkReferences,
} from './walk-references.oracle.ts';

interface Run {
  readonly geometries: Geometries;
  readonly counts: Named;
}

/** As scripts/referee-cachegrind.mjs writes it. */
interface Golden {
  readonly lineBytes: number;
  readonly variants: readonly {
    readonly aligned: boolean;
    readonly lackeySha256: string;
    readonly runs: readonly Run[];
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL('../../../test/referees/walk-golden.json', import.meta.url), 'utf8'),
) as Golden;

type Geometries = Readonly<Record<'I1' | 'D1' | 'LL', CacheGeometry>>;
type Named = Omit<CachegrindCounts, 'bothMissed'>;

/** Our model of the references, by cachegrind's names: a modify is a load and then a store, which hits. */
function countAsLoadstore(references: readonly Reference[], geometries: Geometries): Named {
  const blocks: ProgramBlock[] = [];
  const ids = new Map<string, number>();
  const runs: (ProgramRun & { accesses: ProgramAccess[] })[] = [];
  let modifies = 0;
  for (const { kind, address, size } of references) {
    if (kind === 'I') {
      const key = `${address} ${size}`;
      let block = ids.get(key);
      if (block === undefined) {
        block = blocks.push({ vaddr: BigInt(address), insnBytes: [size] }) - 1;
        ids.set(key, block);
      }
      runs.push({ vcpu: 0, block, executed: 1, accesses: [] });
      continue;
    }
    const access = { insn: 0, address: BigInt(address), size, device: false };
    if (kind !== 'S') runs.at(-1)?.accesses.push({ ...access, store: false });
    if (kind !== 'L') runs.at(-1)?.accesses.push({ ...access, store: true });
    if (kind === 'M') modifies++;
  }
  const { levels } = simulate(
    {
      lineBytes: golden.lineBytes,
      l1i: geometries.I1,
      l1d: geometries.D1,
      l2: undefined,
      ll: geometries.LL,
      replacePolicy: 'lru',
      randomSeed: 0,
      writeAllocate: true,
      dataPrefetcher: 'none',
      usePhysical: false,
      warmupRefs: 0,
      classify: false,
    },
    shapeOf(blocks, 1),
    [columnsOf(runs)],
  );
  const [i1, d1, ll] = ['L1I', 'L1D', 'LL'].map((name) => levels.find((one) => one.name === name));
  const of = (level: CacheLevelResult | undefined, kind: 'fetches' | 'loads' | 'stores') =>
    level?.[kind] ?? { accesses: Number.NaN, misses: Number.NaN };
  return {
    Ir: of(i1, 'fetches').accesses,
    I1mr: of(i1, 'fetches').misses,
    ILmr: of(ll, 'fetches').misses,
    Dr: of(d1, 'loads').accesses,
    D1mr: of(d1, 'loads').misses,
    DLmr: of(ll, 'loads').misses,
    Dw: of(d1, 'stores').accesses - modifies,
    D1mw: of(d1, 'stores').misses,
    DLmw: of(ll, 'stores').misses,
  };
}

function crossesLine({ address, size }: Reference): boolean {
  return (address % golden.lineBytes) + size > golden.lineBytes;
}

/** The differences that lines touched, not references, make: all of them. */
function explain(
  references: readonly Reference[],
  geometries: Geometries,
  ours: Named,
  theirs: Named,
): void {
  const { bothMissed, ...rule } = countAsCachegrind(references, geometries, golden.lineBytes);
  expect(rule).toEqual(theirs);
  // An access of two lines is two touches. For cachegrind it is one reference and one miss when both miss.
  const crossing = references.filter(crossesLine);
  const touchesOf = (kinds: string): number =>
    crossing.filter(({ kind }) => kinds.includes(kind)).length;
  expect(ours.Ir - theirs.Ir).toBe(touchesOf('I'));
  expect(ours.Dr - theirs.Dr).toBe(touchesOf('LM'));
  // Of a modify that crosses a line the store has two touches as well.
  expect(ours.Dw - theirs.Dw).toBe(touchesOf('SM'));
  const firstLevel = ({ I1mr, D1mr, D1mw }: Named): number => I1mr + D1mr + D1mw;
  expect(firstLevel(ours) - firstLevel(theirs)).toBe(bothMissed);
}

describe('cachegrind', () => {
  describe.each(golden.variants)(
    'on walk.S, aligned: $aligned',
    ({ aligned, lackeySha256, runs }) => {
      const references = [...walkReferences(aligned)];

      it('saw these references', () => {
        const text = references.map(lackeyLine).join('');
        expect(createHash('sha256').update(text).digest('hex')).toBe(lackeySha256);
        expect(references.some(crossesLine)).toBe(!aligned);
      });

      it.each(runs)('agrees: $geometries', ({ geometries, counts }) => {
        const ours = countAsLoadstore(references, geometries);
        if (aligned) expect(ours).toEqual(counts);
        explain(references, geometries, ours, counts);
      });
    },
  );

  const folder = process.env['LOADSTORE_REFEREE'];
  it.skipIf(folder === undefined)('agrees on another program', () => {
    const read = (name: string): string => readFileSync(path.join(folder ?? '', name), 'latin1');
    const references = read('references.txt').trimEnd().split('\n').map(parseLackeyLine);
    const { runs } = JSON.parse(read('runs.json')) as { runs: readonly Run[] };
    console.log(
      `${references.length} references, ${references.filter(crossesLine).length} cross a line`,
    );
    for (const { geometries, counts } of runs) {
      const ours = countAsLoadstore(references, geometries);
      console.log('cachegrind', JSON.stringify(counts));
      console.log('loadstore ', JSON.stringify(ours));
      explain(references, geometries, ours, counts);
    }
  });
});

function parseLackeyLine(line: string): Reference {
  const [, kind, address, size] = /^ ?([ILSM]) +([0-9a-f]+),(\d+)$/.exec(line) ?? [];
  if (kind !== 'I' && kind !== 'L' && kind !== 'S' && kind !== 'M') {
    throw new Error(`not a line of lackey: ${line}`);
  }
  return { kind, address: Number.parseInt(address ?? '', 16), size: Number(size) };
}
