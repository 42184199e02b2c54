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

/**
 * By how much our counts are higher, all of it: an access of two lines is two touches, and misses twice when both
 * lines do. Of a modify that crosses a line the store has two touches as well.
 */
function predictDifferences(references: readonly Reference[], bothMissed: number): object {
  const crossing = references.filter(crossesLine);
  const touchesOf = (kinds: string): number =>
    crossing.filter(({ kind }) => kinds.includes(kind)).length;
  return {
    Ir: touchesOf('I'),
    Dr: touchesOf('LM'),
    Dw: touchesOf('SM'),
    firstLevelMisses: bothMissed,
  };
}

function differencesOf(ours: Named, theirs: Named): object {
  const firstLevel = ({ I1mr, D1mr, D1mw }: Named): number => I1mr + D1mr + D1mw;
  return {
    Ir: ours.Ir - theirs.Ir,
    Dr: ours.Dr - theirs.Dr,
    Dw: ours.Dw - theirs.Dw,
    firstLevelMisses: firstLevel(ours) - firstLevel(theirs),
  };
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

      it.runIf(aligned).each(runs)('counts the same: $geometries', ({ geometries, counts }) => {
        expect(countAsLoadstore(references, geometries)).toEqual(counts);
      });

      it.each(runs)('differs by what is explained: $geometries', ({ geometries, counts }) => {
        const { bothMissed, ...rule } = countAsCachegrind(references, geometries, golden.lineBytes);
        expect(rule).toEqual(counts);
        const ours = countAsLoadstore(references, geometries);
        expect(differencesOf(ours, counts)).toEqual(predictDifferences(references, bothMissed));
      });
    },
  );

  const folder = process.env['LOADSTORE_REFEREE'];
  it.skipIf(folder === undefined)('agrees on another program', () => {
    const read = (name: string): string => readFileSync(path.join(folder ?? '', name), 'latin1');
    const references = read('references.txt').trimEnd().split('\n').map(parseLackeyLine);
    const { runs } = JSON.parse(read('runs.json')) as { runs: readonly Run[] };
    say(`${references.length} references, ${references.filter(crossesLine).length} cross a line`);
    for (const { geometries, counts } of runs) {
      const ours = countAsLoadstore(references, geometries);
      say(`cachegrind ${JSON.stringify(counts)}`);
      say(`loadstore  ${JSON.stringify(ours)}`);
      const { bothMissed, ...rule } = countAsCachegrind(references, geometries, golden.lineBytes);
      expect(rule).toEqual(counts);
      expect(differencesOf(ours, counts)).toEqual(predictDifferences(references, bothMissed));
    }
  });
});

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function parseLackeyLine(line: string): Reference {
  const [, kind, address, size] = /^ ?([ILSM]) +([0-9a-f]+),(\d+)$/.exec(line) ?? [];
  if (kind !== 'I' && kind !== 'L' && kind !== 'S' && kind !== 'M') {
    throw new Error(`not a line of lackey: ${line}`);
  }
  return { kind, address: Number.parseInt(address ?? '', 16), size: Number(size) };
}
