// SPDX-License-Identifier: Apache-2.0
// More than 2^32 accesses to one line, by one instruction, in one window: no count is of 32 bits. A state that is merged
// with itself again and again has as many; then it takes one more.
import { expect, it } from 'vitest';
import type { FreeAnalysis } from './analysis.ts';
import { dataCacheAnalysis } from './cache/cache-analysis.ts';
import { COUNT_LOADS, COUNT_MISSES } from './cache/cache-layout.ts';
import { columnsOf as cacheColumns, shapeOf } from './cache/cache-program.oracle.ts';
import type { CacheParameters } from './cache/parameters.ts';
import { columnsOf, type OracleAccess, SHAPE, SHAPE_WITH_CODE } from './columns.oracle.ts';
import { countsAnalysis } from './counts.ts';
import { footprintAnalysis } from './footprint.ts';
import { heatAnalysis } from './heat.ts';
import { hotAnalysis } from './hot.ts';
import { rateAnalysis } from './rate.ts';
import { stridesAnalysis } from './strides/strides.ts';
import { windowsOver } from './time-windows.ts';

const WHOLE = { index: 0, count: 1 };
const MANY = 2 ** 33;
const WINDOWS = windowsOver(0, 1000, 100);

const ONE: OracleAccess = {
  ...{ vaddr: 0x1000n, size: 8, flags: 0, block: 0, insn: 1, cpl: 3, vcpu: 0, icount: 5 },
};

/** So many times the same access, in a block execution each, and one more behind them. */
function analyseMany<P, S, R>(analysis: FreeAnalysis<P, S, R>, parameters: P): R {
  const batch = columnsOf([ONE], [{ block: 0, executed: 3, vcpu: 0, continues: false }]);
  let state = analysis.init(parameters, SHAPE, WHOLE);
  analysis.consume(state, batch);
  for (let count = 1; count < MANY; count *= 2) {
    state = analysis.merge(state, structuredClone(state));
  }
  analysis.consume(state, batch);
  return analysis.finish(state, SHAPE);
}

it('counts: accesses, instructions and block executions', () => {
  const result = analyseMany(countsAnalysis, {});
  expect(result.loads).toBe(MANY + 1);
  expect(result.bytes.loads).toBe(8 * (MANY + 1));
  expect(result.byCpl).toEqual([{ cpl: 3, loads: MANY + 1, stores: 0 }]);
  expect(result.byVcpu).toEqual([
    { vcpu: 0, loads: MANY + 1, stores: 0, blockExecutions: MANY + 1 },
  ]);
  expect([...result.executions.subarray(0, 3)]).toEqual([MANY + 1, MANY + 1, MANY + 1]);
  expect(result.instructions).toBe(3 * (MANY + 1));
});

it('hot: an instruction, a line, a page', () => {
  const parameters = { lineShift: 6, pageShift: 12, lineLimit: 10, top: 1 };
  const { loads, byInsn, lines, pages } = analyseMany(hotAnalysis, parameters);
  expect([loads, byInsn[2]]).toEqual([MANY + 1, MANY + 1]);
  expect([lines.units[0]?.loads, pages.units[0]?.loads]).toEqual([MANY + 1, MANY + 1]);
});

it('heat and rate: a window', () => {
  const heat = analyseMany(heatAnalysis, {
    ...{ unitShift: 12, windows: WINDOWS, rowLimit: 4, memoryBytes: 2 ** 16 },
  });
  expect([heat.loads, heat.rows[0]?.loads[0]]).toEqual([MANY + 1, MANY + 1]);
  const rate = analyseMany(rateAnalysis, { windows: WINDOWS });
  expect(rate.windows[0]?.loads[3]).toBe(MANY + 1);
  expect(rate.vcpus[0]?.accesses[0]).toBe(MANY + 1);
});

it('footprint: accesses, of which a line is one whatever their number', () => {
  const { accesses, userAccesses, total } = analyseMany(footprintAnalysis, {
    ...{ lineShift: 6, pageShift: 12, windows: WINDOWS, memoryBytes: 2 ** 16 },
  });
  expect([accesses, userAccesses, total.all.lines]).toEqual([MANY + 1, MANY + 1, 1]);
});

it('strides: steps of an instruction', () => {
  const state = stridesAnalysis.init({}, SHAPE_WITH_CODE, WHOLE);
  stridesAnalysis.consume(state, columnsOf([ONE, ONE]));
  for (const counts of [state.counts.accesses, state.counts.count]) counts[0] = MANY;
  stridesAnalysis.consume(state, columnsOf([ONE]));
  const [site] = stridesAnalysis.finish(state.counts, SHAPE).sites;
  expect(site).toMatchObject({ accesses: MANY + 1, steps: MANY });
  expect(site?.strides).toEqual([{ stride: 0, atLeast: MANY + 1 }]);
});

it('cache: accesses and misses of a level, misses of an instruction', () => {
  const shape = shapeOf([{ vaddr: 0x1000n, insnBytes: [4] }], 1);
  const parameters: CacheParameters = {
    ...{ lineBytes: 64, l1i: undefined, l1d: { sizeBytes: 4096, ways: 1 } },
    ...{ l2: undefined, ll: undefined, randomSeed: 1 },
    replacePolicy: 'lru',
    dataPrefetcher: 'none',
    ...{ writeAllocate: true, usePhysical: false, warmupRefs: 0, classify: false },
  };
  const state = dataCacheAnalysis.init(parameters, shape, WHOLE);
  const [level] = state.units;
  for (const place of [COUNT_LOADS, COUNT_MISSES + COUNT_LOADS]) level?.counts.set([MANY], place);
  state.siteMisses.L1D?.set([MANY], 0);
  const access = { insn: 0, address: 0x2000n, size: 4, store: false, device: false };
  dataCacheAnalysis.consume(
    state,
    cacheColumns([{ vcpu: 0, block: 0, executed: 1, accesses: [access] }]),
  );
  const { levels, missesByInsn } = dataCacheAnalysis.finish(state, shape);
  expect(levels[0]).toMatchObject({ accesses: MANY + 1, misses: MANY + 1 });
  expect(missesByInsn.L1D?.[0]).toBe(MANY + 1);
});
