// SPDX-License-Identifier: Apache-2.0
// Each analysis against maps and sets; and "split anywhere, merge, same answer".
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessFlag } from '../format/index.ts';
import type { Analysis } from './analysis.ts';
import {
  accesses,
  columnsOf,
  cutAt,
  cuts,
  INSN_COUNTS,
  LAST_ICOUNT,
  type OracleAccess,
  type OracleRun,
  runs,
  SHAPE,
} from './columns.oracle.ts';
import { countsAnalysis } from './counts.ts';
import { type FootprintParameters, footprintAnalysis } from './footprint.ts';
import { heatAnalysis } from './heat.ts';
import { hotAnalysis } from './hot.ts';
import { windowOf, windowsOver } from './time-windows.ts';

const WHOLE = { index: 0, count: 1 };
const WINDOWS = windowsOver(0, LAST_ICOUNT, 30_000);

function analyse<P, S, R>(
  analysis: Analysis<P, S, R>,
  parameters: P,
  list: readonly OracleAccess[],
  blockRuns: readonly OracleRun[] = [],
): R {
  const state = analysis.init(parameters, SHAPE, WHOLE);
  analysis.consume(state, columnsOf(list, blockRuns));
  return analysis.finish(state, SHAPE);
}

/** Each piece in a state of its own, by turns two pieces in one. */
function analyseCut<P, S, R>(
  analysis: Analysis<P, S, R>,
  parameters: P,
  list: readonly OracleAccess[],
  blockRuns: readonly OracleRun[],
  parts: readonly number[],
): R {
  const runPieces = cutAt(blockRuns, parts);
  const states = cutAt(list, parts).map((piece, i) => {
    const state = analysis.init(parameters, SHAPE, WHOLE);
    const half = i % 2 === 0 ? piece.length : piece.length >> 1;
    analysis.consume(state, columnsOf(piece.slice(0, half), runPieces[i] ?? []));
    analysis.consume(state, columnsOf(piece.slice(half), []));
    return state;
  });
  const merged = states.reduce((a, b) => analysis.merge(a, b));
  return analysis.finish(merged, SHAPE);
}

/** Those that have a virtual address, hence a line and a page. */
function placed(list: readonly OracleAccess[]): OracleAccess[] {
  return list.filter(({ flags }) => (flags & AccessFlag.physicalOnly) === 0);
}

function tally<K>(list: readonly OracleAccess[], keyOf: (one: OracleAccess) => K) {
  const counts = new Map<K, { loads: number; stores: number }>();
  for (const one of list) {
    const count = counts.get(keyOf(one)) ?? { loads: 0, stores: 0 };
    count[(one.flags & 1) === 0 ? 'loads' : 'stores']++;
    counts.set(keyOf(one), count);
  }
  return counts;
}

const numberOf = (block: number, insn: number): number => (SHAPE.insnBase[block] ?? 0) + insn;

const joined = (lo: number, hi: number): bigint => (BigInt(hi) << 32n) | BigInt(lo);

/** Units that an access touches; the address space wraps around. */
function touched({ vaddr, size }: OracleAccess, shift: number): bigint[] {
  const units = new Set<bigint>();
  for (let at = 0n; at < BigInt(size); at++) {
    units.add(BigInt.asUintN(64, vaddr + at) >> BigInt(shift));
  }
  return [...units];
}

describe('counts', () => {
  const parameters = {};

  it('counts what maps count', () => {
    fc.assert(
      fc.property(accesses, runs, (list, blockRuns) => {
        const result = analyse(countsAnalysis, parameters, list, blockRuns);
        const kind = (wanted: (one: OracleAccess) => boolean) =>
          tally(list.filter(wanted), () => 0).get(0) ?? { loads: 0, stores: 0 };
        expect({ loads: result.loads, stores: result.stores }).toEqual(kind(() => true));
        expect(result.device).toEqual(kind(({ flags }) => (flags & 4) !== 0));
        expect(result.physical).toEqual(kind(({ flags }) => (flags & 32) !== 0));
        expect(result.byOrigin).toEqual({
          instruction: kind(({ flags }) => (flags & 192) === 0),
          eventDelivery: kind(({ flags }) => (flags & 192) === 64),
          pageWalk: kind(({ flags }) => (flags & 192) === 128),
        });
        const bySize = result.bySize.map(({ sizeBytes, ...count }) => [sizeBytes, count] as const);
        expect(new Map(bySize)).toEqual(tally(list, ({ size }) => size));
        const byCpl = result.byCpl.map(({ cpl, ...count }) => [cpl ?? 255, count] as const);
        expect(new Map(byCpl)).toEqual(tally(list, ({ cpl }) => cpl));
        const bytes = (store: number): number =>
          list.reduce((sum, { flags, size }) => sum + ((flags & 1) === store ? size : 0), 0);
        expect(result.bytes).toEqual({ loads: bytes(0), stores: bytes(1) });
        for (const { vcpu, loads, stores, blockExecutions } of result.byVcpu) {
          expect({ loads, stores }).toEqual(kind((one) => one.vcpu === vcpu));
          expect(blockExecutions).toBe(blockRuns.filter((run) => run.vcpu === vcpu).length);
        }
      }),
    );
  });

  it('counts each completed instruction, those that go on once', () => {
    fc.assert(
      fc.property(runs, (blockRuns) => {
        const { executions, instructions } = analyse(countsAnalysis, parameters, [], blockRuns);
        const wanted = new Float64Array(executions.length);
        for (const { block, executed, continues } of blockRuns) {
          for (let insn = continues ? 1 : 0; insn < executed; insn++) {
            const at = numberOf(block, insn);
            wanted[at] = (wanted[at] ?? 0) + 1;
          }
        }
        expect([...executions]).toEqual([...wanted]);
        expect(instructions).toBe(wanted.reduce((sum, count) => sum + count, 0));
      }),
    );
  });

  it('is the same split anywhere and merged', () => {
    fc.assert(
      fc.property(accesses, runs, cuts, (list, blockRuns, parts) => {
        expect(analyseCut(countsAnalysis, parameters, list, blockRuns, parts)).toEqual(
          analyse(countsAnalysis, parameters, list, blockRuns),
        );
      }),
    );
  });
});

describe('hot', () => {
  const parameters = { lineShift: 6, pageShift: 12, lineLimit: 1000, top: 1000 };

  it('counts each instruction, line and page as a map does', () => {
    fc.assert(
      fc.property(accesses, (list) => {
        const result = analyse(hotAnalysis, parameters, list);
        const found = [result.lines, result.pages].map(({ units }) => {
          const rows = units.map(
            ({ addressLo, addressHi, ...count }) => [joined(addressLo, addressHi), count] as const,
          );
          return new Map(rows);
        });
        const wanted = [6n, 12n].map((shift) =>
          tally(placed(list), ({ vaddr }) => (vaddr >> shift) << shift),
        );
        expect(found).toEqual(wanted);
        expect([result.lines.unitCount, result.pages.unitCount]).toEqual(
          wanted.map(({ size }) => size),
        );
        for (const { units } of [result.lines, result.pages]) {
          const counts = units.map(({ loads, stores }) => loads + stores);
          expect(counts).toEqual(counts.toSorted((a, b) => b - a));
        }
        const byInsn = tally(list, ({ block, insn }) => numberOf(block, insn));
        for (let at = 0; at < result.byInsn.length / 2; at++) {
          const [loads, stores] = result.byInsn.subarray(2 * at, 2 * at + 2);
          expect({ loads, stores }).toEqual(byInsn.get(at) ?? { loads: 0, stores: 0 });
        }
      }),
    );
  });

  it('makes lines coarser, by as little as is needed, when there are too many', () => {
    fc.assert(
      fc.property(accesses, fc.integer({ min: 1, max: 60 }), (list, lineLimit) => {
        const { lines } = analyse(hotAnalysis, { ...parameters, lineLimit }, list);
        const found = lines.units.map(({ addressLo, addressHi, loads, stores }) => {
          return [joined(addressLo, addressHi), { loads, stores }] as const;
        });
        const width = BigInt(Math.log2(lines.unitBytes));
        expect(new Map(found)).toEqual(
          tally(placed(list), ({ vaddr }) => (vaddr >> width) << width),
        );
        const unitsOf = (shift: number): number =>
          new Set(placed(list).map(({ vaddr }) => vaddr >> BigInt(shift))).size;
        let shift = 6;
        while (unitsOf(shift) > lineLimit && shift < 31) shift++;
        expect(lines.unitBytes).toBe(2 ** shift);
        expect(lines.unitCount).toBe(unitsOf(shift));
      }),
    );
  });

  it('is the same split anywhere and merged, coarse or not', () => {
    fc.assert(
      fc.property(accesses, cuts, fc.constantFrom(7, 30, 1000), (list, parts, lineLimit) => {
        const limited = { ...parameters, lineLimit };
        expect(analyseCut(hotAnalysis, limited, list, [], parts)).toEqual(
          analyse(hotAnalysis, limited, list),
        );
      }),
    );
  });
});

describe('footprint', () => {
  const parameters: FootprintParameters = {
    lineShift: 6,
    pageShift: 12,
    windows: WINDOWS,
    memoryBytes: 2 ** 20,
  };

  it('counts different lines and pages as sets do', () => {
    fc.assert(
      fc.property(accesses, fc.constantFrom(4, 6, 9), (list, lineShift) => {
        const result = analyse(footprintAnalysis, { ...parameters, lineShift }, list);
        const sets = (wanted: (one: OracleAccess) => boolean) => {
          const chosen = placed(list).filter(wanted);
          const unitsOf = (shift: number): number =>
            new Set(chosen.flatMap((one) => touched(one, shift))).size;
          return { lines: unitsOf(lineShift), pages: unitsOf(12) };
        };
        const part = (wanted: (one: OracleAccess) => boolean) => ({
          all: sets(wanted),
          kernel: sets((one) => wanted(one) && one.cpl !== 3),
          user: sets((one) => wanted(one) && one.cpl === 3),
        });
        expect(result.total).toEqual(part(() => true));
        expect(result.sampledOneIn).toBe(1);
        for (const window of [0, 7, WINDOWS.windowCount - 1]) {
          expect(result.windows[window]).toMatchObject(
            part(({ icount }) => windowOf(WINDOWS, icount) === window),
          );
        }
      }),
    );
  });

  it('is the same split anywhere and merged, sampled or not', () => {
    fc.assert(
      fc.property(accesses, cuts, fc.constantFrom(0, 2 ** 20), (list, parts, memoryBytes) => {
        const limited = { ...parameters, memoryBytes };
        expect(analyseCut(footprintAnalysis, limited, list, [], parts)).toEqual(
          analyse(footprintAnalysis, limited, list),
        );
      }),
    );
  });

  it('estimates from a sample when lines do not fit', () => {
    // 20,000 pages of two lines each.
    const list = Array.from({ length: 40_000 }, (_, i) => ({
      ...{ vaddr: BigInt(i >> 1) * 4096n + BigInt(i & 1) * 64n, size: 8, flags: 0 },
      ...{ block: 0, insn: 0, cpl: 0, vcpu: 0, icount: i },
    }));
    const result = analyse(footprintAnalysis, { ...parameters, memoryBytes: 2 ** 16 }, list);
    expect(result.sampledOneIn).toBeGreaterThan(8);
    expect(result.accesses).toBe(40_000);
    expect(result.total.all.lines / 40_000).toBeGreaterThan(0.85);
    expect(result.total.all.lines / 40_000).toBeLessThan(1.15);
    expect(result.total.all.lines).toBe(2 * result.total.all.pages);
  });
});

describe('heat', () => {
  const parameters = {
    ...{ unitShift: 6, windows: WINDOWS, rowLimit: 10_000 },
    memoryBytes: 2 ** 24,
  };

  it('counts each unit in each window as a map does', () => {
    fc.assert(
      fc.property(accesses, (list) => {
        const result = analyse(heatAnalysis, parameters, list);
        expect(result.unitBytes).toBe(64);
        const found = new Map<string, { loads: number; stores: number }>();
        for (const { addressLo, addressHi, loads, stores } of result.rows) {
          loads.forEach((count, window) => {
            if (count + (stores[window] ?? 0) === 0) return;
            const key = `${joined(addressLo, addressHi) >> 6n} ${window}`;
            found.set(key, { loads: count, stores: stores[window] ?? 0 });
          });
        }
        const keyOf = ({ vaddr, icount }: OracleAccess): string =>
          `${vaddr >> 6n} ${windowOf(WINDOWS, icount)}`;
        expect(found).toEqual(tally(placed(list), keyOf));
        expect(result.loads + result.stores).toBe(placed(list).length);
      }),
    );
  });

  it('has no more rows than asked for, the smallest units that allow it', () => {
    fc.assert(
      fc.property(
        accesses,
        fc.integer({ min: 5, max: 60 }),
        fc.boolean(),
        (all, rowLimit, isTight) => {
          const list = placed(all);
          const memoryBytes = isTight ? 0 : 2 ** 24;
          const limited = { ...parameters, rowLimit, memoryBytes };
          const { rows, unitBytes, loads, stores } = analyse(heatAnalysis, limited, all);
          const isStore = ({ flags }: OracleAccess): boolean => (flags & 1) !== 0;
          expect(loads).toBe(list.filter((one) => !isStore(one)).length);
          expect(stores).toBe(list.filter(isStore).length);
          const unitsOf = (shift: number): number =>
            new Set(list.map(({ vaddr }) => vaddr >> BigInt(shift))).size;
          let shift = 6;
          while (unitsOf(shift) > rowLimit) shift++;
          expect([unitBytes, rows.length]).toEqual([2 ** shift, unitsOf(shift)]);
          const order = rows.map(({ addressLo, addressHi }) => joined(addressLo, addressHi));
          expect(order).toEqual(order.toSorted((a, b) => (a < b ? -1 : 1)));
        },
      ),
    );
  });

  it('is the same split anywhere and merged', () => {
    fc.assert(
      fc.property(accesses, cuts, fc.constantFrom(9, 1000), (list, parts, rowLimit) => {
        const limited = { ...parameters, rowLimit, memoryBytes: 0 };
        expect(analyseCut(heatAnalysis, limited, list, [], parts)).toEqual(
          analyse(heatAnalysis, limited, list),
        );
      }),
    );
  });
});

it('the shape of the tests is that of their blocks', () => {
  expect(SHAPE.insnBase.at(-1)).toBe(
    INSN_COUNTS.reduce((sum, count) => sum + Math.max(1, count), 0),
  );
});
