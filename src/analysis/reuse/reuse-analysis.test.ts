// SPDX-License-Identifier: Apache-2.0
// Reuse distances by hand, against a list of lines, cut into stretches; and sampled ones against exact ones.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prngFromSeed, TraceError } from '../../base/index.ts';
import type { AccessColumns } from '../access-columns.ts';
import { accesses, columnsOf, cutAt, cuts, type OracleAccess, SHAPE } from '../columns.oracle.ts';
import { finishReuse, physicalReuseAnalysis, type ReuseResult } from './reuse-analysis.ts';
import { harvestReuse, lowestOfBin } from './reuse-counts.ts';
import { countMisses, listDistances } from './reuse-lists.oracle.ts';
import type { ReuseParameters } from './reuse-parameters.ts';
import { consumeReuse, createReuseState } from './reuse-state.ts';

const EXACT: ReuseParameters = {
  ...{ lineBytes: 64, distanceThreshold: 4, usePhysical: false, sampling: undefined },
  reportTop: 1000,
};

function measure(parameters: ReuseParameters, batches: readonly AccessColumns[]): ReuseResult {
  const state = createReuseState(parameters);
  for (const batch of batches) consumeReuse(state, batch);
  return finishReuse(harvestReuse(state));
}

/** One-byte accesses to these lines. */
function columnsOfLines(lines: readonly bigint[]): AccessColumns {
  return {
    length: lines.length,
    vaddr: BigUint64Array.from(lines, (line) => line << 6n),
    size: new Uint8Array(lines.length).fill(1),
    flags: new Uint8Array(lines.length),
  };
}

const DEVICE = 4;
const PHYSICAL_ONLY = 32;

function linesOf(list: readonly OracleAccess[]): bigint[] {
  return list.flatMap(({ vaddr, size, flags }) => {
    if ((flags & (DEVICE | PHYSICAL_ONLY)) !== 0) return [];
    const first = vaddr >> 6n;
    const last = BigInt.asUintN(64, vaddr + BigInt(size) - 1n) >> 6n;
    const lines = [first];
    while (lines.at(-1) !== last) lines.push(((lines.at(-1) ?? 0n) + 1n) & ((1n << 58n) - 1n));
    return lines;
  });
}

function compare(result: ReuseResult, lines: readonly bigint[]): void {
  const wanted = listDistances(lines, 4);
  const { distances } = wanted;
  expect(result.references).toBe(lines.length);
  expect(result.compulsory).toBe(wanted.lines.size);
  expect(result.distant.references).toBe(distances.filter((one) => one > 4).length);
  for (const { from, to, references } of result.histogram) {
    expect({ from, references }).toEqual({
      from,
      references: distances.filter((one) => one >= from && one < to).length,
    });
  }
  expect(result.histogram.reduce((sum, { references }) => sum + references, 0)).toBe(
    distances.length,
  );
  expect(rounded(result.distances)).toEqual(describeList(distances));
  for (const { lines: capacity, misses } of result.missRatioCurve) {
    expect({ capacity, misses }).toEqual({ capacity, misses: countMisses(lines, capacity) });
  }
  const listed = [...wanted.lines.values()];
  const shown = (one: { references: number; distant: number | null }): unknown[] => [
    ...[one.references, one.distant],
  ];
  const byAddress = new Map(
    result.topReferenced.map((one) => [
      (BigInt(one.addressHi) << 32n) | BigInt(one.addressLo),
      shown(one),
    ]),
  );
  expect(byAddress).toEqual(new Map(listed.map((one) => [one.line << 6n, shown(one)])));
  const order = (list: readonly { references: number }[]): number[] =>
    list.map(({ references }) => references);
  expect(order(result.topReferenced)).toEqual(order(listed).sort((a, b) => b - a));
  expect(result.topDistant.map(({ distant }) => distant)).toEqual(
    listed
      .map(({ distant }) => distant)
      .filter((distant) => distant > 0)
      .sort((a, b) => b - a),
  );
}

function describeList(distances: readonly number[]): object | null {
  if (distances.length === 0) return null;
  const sorted = distances.toSorted((a, b) => a - b);
  const mean = distances.reduce((a, b) => a + b, 0) / distances.length;
  const squares = distances.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return rounded({
    mean,
    standardDeviation: Math.sqrt(squares / distances.length),
    median: sorted[Math.ceil(sorted.length / 2) - 1] ?? -1,
    max: sorted.at(-1) ?? -1,
  });
}

function rounded(distances: ReuseResult['distances']): object | null {
  if (distances === null) return null;
  return Object.fromEntries(Object.entries(distances).map(([key, one]) => [key, one?.toFixed(6)]));
}

/** Lines of a mix: some very hot, some streamed, some far away. */
function mixedLines(seed: number, length: number, spread: number): bigint[] {
  const prng = prngFromSeed(seed);
  return Array.from({ length }, (_, i) => {
    const kind = prng.nextInRange(0, 10);
    if (kind < 4) return BigInt(prng.nextInRange(0, 8));
    if (kind < 7) return BigInt(1000 + prng.nextInRange(0, spread >> 4));
    if (kind < 9) return BigInt(100_000 + (i % spread));
    return BigInt(1_000_000 + prng.nextInRange(0, spread));
  });
}

describe('reuse distances', { timeout: 60_000 }, () => {
  it('by hand: a b b c a d a, with a limit of two lines', () => {
    const lines = [1n, 2n, 2n, 3n, 1n, 4n, 1n];
    const result = measure({ ...EXACT, distanceThreshold: 1 }, [columnsOfLines(lines)]);
    // b again at once: 0; a after b and c: 2; a after d: 1.
    expect(result).toMatchObject({
      ...{ accesses: 7, references: 7, compulsory: 4, sampling: null },
      distances: { mean: 1, median: 1, max: 2 },
      distant: { threshold: 1, references: 1 },
      histogram: [
        { from: 0, to: 1, references: 1 },
        { from: 1, to: 2, references: 1 },
        { from: 2, to: 3, references: 1 },
      ],
      topDistant: [{ addressLo: 64, addressHi: 0, references: 3, distant: 1 }],
    });
    expect(result.missRatioCurve.map(({ sizeBytes, misses }) => [sizeBytes, misses])).toEqual([
      [64, 6],
      [128, 5],
      [192, 4],
    ]);
    expect(result.distances?.standardDeviation).toBeCloseTo(Math.sqrt(2 / 3), 12);
  });

  it('an access that crosses a line, or several, references each', () => {
    const batch = {
      length: 3,
      vaddr: BigUint64Array.of(0x3cn, 0x40n, 0xffff_ffff_ffff_fffcn),
      size: Uint8Array.of(8, 64, 8),
      flags: new Uint8Array(3),
    };
    // Lines 0 1, 1, last 0.
    expect(measure(EXACT, [batch])).toMatchObject({
      ...{ accesses: 3, references: 5, compulsory: 3 },
      histogram: [
        { from: 0, references: 1 },
        { from: 2, references: 1 },
      ],
    });
  });

  it('the rest of an access beyond its physical page is where the trace says', () => {
    const batch = {
      length: 2,
      paddr: BigUint64Array.of(0x1ffcn, 0x8000n),
      size: Uint8Array.of(8, 4),
      flags: Uint8Array.of(0, 0),
      crossings: { index: Uint32Array.of(0), paddr: BigUint64Array.of(0x8000n) },
    };
    const result = measure({ ...EXACT, usePhysical: true }, [batch]);
    expect(result).toMatchObject({ accesses: 2, references: 3, compulsory: 2 });
    expect(result.histogram).toEqual([{ from: 0, to: 1, references: 1 }]);
    expect(physicalReuseAnalysis.columns).toContain('paddr');
  });

  it('are those of a list of lines, whatever the stretches', () => {
    fc.assert(
      fc.property(accesses, cuts, (list, parts) => {
        const whole = measure(EXACT, [columnsOf(list)]);
        compare(whole, linesOf(list));
        expect(whole.excluded.device).toBe(list.filter(({ flags }) => flags & DEVICE).length);
        expect(
          measure(
            EXACT,
            cutAt(list, parts).map((piece) => columnsOf(piece)),
          ),
        ).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  it('are those of a list of lines that come again and again', () => {
    const few = fc.array(fc.bigInt(0n, 40n), { maxLength: 400, size: 'max' });
    const property = fc.property(few, (lines) => {
      compare(measure(EXACT, [columnsOfLines(lines)]), lines);
    });
    expect(fc.check(property, { numRuns: 30 })).toMatchObject({ failed: false });
  });

  it('are those of a list of lines for many lines, places renumbered, tables grown', () => {
    // More lines than 2^18 places are there at once, so that counts of all levels are summed.
    const sweep = Array.from({ length: 270_000 }, (_, i) => BigInt(5_000_000 + i));
    // And places run out when they are so many.
    const mixed = mixedLines(7, 200_000, 40_000);
    const lines = [...sweep, ...mixed, ...sweep.toReversed(), ...sweep, ...mixed, ...sweep];
    const result = measure(EXACT, [columnsOfLines(lines)]);
    const wanted = fastDistances(lines);
    expect(result.compulsory).toBe(new Set(lines).size);
    for (const { from, to, references } of result.histogram) {
      const inside = wanted.filter((one) => one >= from && one < to).length;
      expect({ from, references }).toEqual({ from, references: inside });
    }
    expect(result.compulsory).toBeGreaterThan(16_384);
    expect(result.distances?.max).toBeGreaterThan(270_000);
  });

  it('counts of 16 bits carry: of uses, of distant uses, of a distance', () => {
    // Lines 1 to 9 in turn, then line 1 alone.
    const turns = Array.from({ length: 9 * 140_000 }, (_, i) => BigInt(1 + (i % 9)));
    const lines = [...turns, ...Array.from({ length: 70_000 }, () => 1n)];
    const result = measure({ ...EXACT, reportTop: 2 }, [columnsOfLines(lines)]);
    const again = 139_999;
    expect(result).toMatchObject({
      distances: { median: 8, max: 8 },
      distant: { references: 9 * again + 1 },
      histogram: [
        { from: 0, references: 69_999 },
        { from: 8, references: 9 * again + 1 },
      ],
      topReferenced: [
        { addressLo: 64, references: 210_000, distant: 140_000 },
        { addressLo: 128, references: 140_000, distant: again },
      ],
      topDistant: [
        { addressLo: 64, references: 210_000, distant: 140_000 },
        { addressLo: 128, references: 140_000, distant: again },
      ],
    });
    expect(result.missRatioCurve.at(-1)).toMatchObject({ lines: 10, misses: 9 });
    const sampling = { kind: 'size', lines: 100 } as const;
    const sampled = measure({ ...EXACT, reportTop: 2, sampling }, [columnsOfLines(lines)]);
    expect(sampled.topDistant).toEqual(result.topDistant);
    expect(sampled.histogram).toEqual(result.histogram);
  });

  it.each([
    [{ lineBytes: 48 }, 'the line size is not possible'],
    [{ distanceThreshold: 0 }, 'the threshold of distances is out of range'],
    [{ sampling: { kind: 'rate', rate: 0 } as const }, 'the sampling rate is out of range'],
    [
      { sampling: { kind: 'rate', rate: Number.NaN } as const },
      'the sampling rate is out of range',
    ],
    [
      { sampling: { kind: 'size', lines: 3 } as const },
      'the number of sampled lines is out of range',
    ],
  ])('%j is refused', (change, message) => {
    expect(() => createReuseState({ ...EXACT, ...change })).toThrow(TraceError);
    expect(() => createReuseState({ ...EXACT, ...change })).toThrow(message);
  });
});

/** A binary indexed tree over time: another way than the kernel's, for what is too long for a list. */
function fastDistances(lines: readonly bigint[]): number[] {
  const tree = new Int32Array(lines.length + 1);
  const add = (place: number, change: number): void => {
    for (let i = place + 1; i < tree.length; i += i & -i) tree[i] = (tree[i] ?? 0) + change;
  };
  const before = (place: number): number => {
    let sum = 0;
    for (let i = place; i > 0; i -= i & -i) sum += tree[i] ?? 0;
    return sum;
  };
  const last = new Map<bigint, number>();
  return lines.flatMap((line, now) => {
    const place = last.get(line);
    const distance = place === undefined ? [] : [before(now) - before(place + 1)];
    if (place !== undefined) add(place, -1);
    add(now, 1);
    last.set(line, now);
    return distance;
  });
}

describe('sampled reuse distances', { timeout: 60_000 }, () => {
  it('bins of the kernel: exact to 255, then 128 for each power of two', () => {
    expect([0, 255, 256, 257, 383, 384, 512].map(lowestOfBin)).toEqual([
      ...[0, 255, 256, 258, 510, 512, 1024],
    ]);
  });

  it('looked at through a sample that takes all lines are exact but for the bins', () => {
    const lines = mixedLines(3, 60_000, 500);
    const exact = measure(EXACT, [columnsOfLines(lines)]);
    const sampling = { kind: 'size', lines: 10_000 } as const;
    const sampled = measure({ ...EXACT, sampling }, [columnsOfLines(lines)]);
    expect(sampled.sampling).toEqual({ rate: 1, references: lines.length, leastLines: 1 });
    expect(sampled.histogram).toEqual(exact.histogram);
    expect(sampled.topDistant).toEqual(exact.topDistant);
    const { missRatioCurve } = exact;
    expect(sampled.missRatioCurve.slice(0, missRatioCurve.length)).toEqual(missRatioCurve);
    expect(sampled.distances?.median).toBe(exact.distances?.median);
  });

  it('say nothing of what a few sampled lines would be', () => {
    // Three of four uses are of seven lines.
    const line = (i: number): number => (i % 4 === 0 ? i % 20_000 : 20_000 + (i % 7));
    const lines = Array.from({ length: 300_000 }, (_, i) => BigInt(line(i)));
    const sampling = { kind: 'rate', rate: 0.01 } as const;
    const near = measure({ ...EXACT, sampling }, [columnsOfLines(lines)]);
    const { rate, leastLines } = near.sampling ?? { rate: 0, leastLines: 0 };
    expect(leastLines).toBe(Math.ceil(4 / rate));
    expect(near.distances?.median).toBeNull();
    expect(near.distant).toEqual({ threshold: 4, references: null });
    expect([near.topDistant, near.topReferenced[0]?.distant]).toEqual([[], null]);
    expect(near.histogram[0]).toMatchObject({ from: 0, to: 448 });
    expect(near.missRatioCurve[0]?.lines).toBe(448);
    const distanceThreshold = leastLines;
    const far = measure({ ...EXACT, distanceThreshold, sampling }, [columnsOfLines(lines)]);
    expect(far.distant.references).toBeGreaterThan(0);
    expect(far.topDistant[0]?.distant).toBeGreaterThan(0);
    // Of lines that are all far from each other the median is known.
    const round = Array.from({ length: 60_000 }, (_, i) => BigInt(i % 20_000));
    const all = measure({ ...EXACT, sampling }, [columnsOfLines(round)]);
    expect(all.distances?.median).toBeGreaterThan(15_000);
  });

  it('are exact among the lines that are kept, when others were given up', () => {
    const parameters = { ...EXACT, sampling: { kind: 'size', lines: 100 } as const };
    const state = createReuseState(parameters);
    const first = Array.from({ length: 1000 }, (_, i) => BigInt(i));
    consumeReuse(state, columnsOfLines(first));
    const { topUsed, rate } = harvestReuse(state);
    const kept = new Set(topUsed.map(({ lo }) => lo));
    expect(kept.size).toBeGreaterThan(60);
    // Even lines until places are renumbered; the odd ones wait from before.
    const even = first.filter((line) => line % 2n === 0n);
    const later = [...Array.from({ length: 2500 }, () => even).flat(), ...first];
    consumeReuse(state, columnsOfLines(later));
    const own = [...first, ...later].filter((line) => kept.has(Number(line)));
    expect(own.length).toBeGreaterThan(70_000);
    const wanted = new Map<number, number>();
    for (const distance of listDistances(own, 4).distances) {
      const whole = Math.floor(distance / rate);
      let bin = 0;
      while (lowestOfBin(bin + 1) <= whole) bin++;
      wanted.set(bin, (wanted.get(bin) ?? 0) + 1);
    }
    const counts = harvestReuse(state);
    expect(counts.rate).toBe(rate);
    const found = new Map<number, number>();
    counts.distances.forEach((bin, uses) => found.set(bin, uses));
    expect(found).toEqual(wanted);
  });

  it('count uses of the line at hand for no other line when lines are given up', () => {
    const sampling = { kind: 'size', lines: 100 } as const;
    const lines = Array.from({ length: 2000 }, (_, i) => BigInt(i >> 1));
    const { topReferenced } = measure({ ...EXACT, sampling }, [columnsOfLines(lines)]);
    expect(topReferenced.length).toBeGreaterThan(60);
    expect(topReferenced.filter(({ references }) => references !== 2)).toEqual([]);
  });

  it('are the same in any stretches', () => {
    const anyPart = fc.oneof(
      fc.record({ kind: fc.constant('rate' as const), rate: fc.constantFrom(0.02, 0.1, 0.5) }),
      fc.record({ kind: fc.constant('size' as const), lines: fc.constantFrom(64, 300, 2000) }),
    );
    fc.assert(
      fc.property(anyPart, fc.nat(), cuts, (sampling, seed, parts) => {
        const lines = mixedLines(seed, 20_000, 8000);
        const whole = measure({ ...EXACT, sampling }, [columnsOfLines(lines)]);
        const stretches = cutAt(lines, parts).map(columnsOfLines);
        expect(measure({ ...EXACT, sampling }, stretches)).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    [{ kind: 'rate', rate: 0.1 } as const, 0.02],
    [{ kind: 'rate', rate: 0.01 } as const, 0.06],
    [{ kind: 'size', lines: 4096 } as const, 0.03],
    [{ kind: 'size', lines: 512 } as const, 0.08],
  ])('%j: the miss ratio curve is near the exact one', (sampling, limit) => {
    const lines = mixedLines(11, 1_000_000, 60_000);
    const exact = measure(EXACT, [columnsOfLines(lines)]);
    const sampled = measure({ ...EXACT, sampling }, [columnsOfLines(lines)]);
    expect(sampled.sampling?.rate).toBeLessThan(0.2);
    const errors = sampled.missRatioCurve.map(({ lines: size, missRatio }) => {
      const curve = exact.missRatioCurve;
      const wanted = curve.find((one) => one.lines === size) ?? curve.at(-1);
      return Math.abs((wanted?.missRatio ?? 1) - missRatio);
    });
    expect(errors.length).toBeGreaterThan(10);
    const mean = errors.reduce((a, b) => a + b, 0) / errors.length;
    process.stdout.write(
      `SHARDS ${JSON.stringify(sampling)}: mean error of the miss ratio ${mean.toFixed(4)}, largest ${Math.max(...errors).toFixed(4)}\n`,
    );
    expect(mean).toBeLessThan(limit);
    expect(Math.abs(sampled.compulsory / exact.compulsory - 1)).toBeLessThan(2 * limit);
    expect(sampled.references).toBe(exact.references);
  });

  it('has nothing to say of a trace without accesses', () => {
    const sampling = { kind: 'rate', rate: 0.5 } as const;
    for (const parameters of [EXACT, { ...EXACT, sampling }]) {
      expect(measure(parameters, [])).toMatchObject({
        references: 0,
        distances: null,
        histogram: [],
      });
    }
    expect(SHAPE.complete).toBe(true);
  });
});
