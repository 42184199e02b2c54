// SPDX-License-Identifier: Apache-2.0
// Accesses by window against a map; and "split anywhere, merge, same answer".
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  accesses,
  columnsOf,
  cutAt,
  cuts,
  LAST_ICOUNT,
  type OracleAccess,
  SHAPE,
} from './columns.oracle.ts';
import { type RateResult, rateAnalysis } from './rate.ts';
import { windowOf, windowsOver } from './time-windows.ts';

const WINDOWS = windowsOver(0, LAST_ICOUNT, 30_000);

function analyse(pieces: readonly (readonly OracleAccess[])[]): RateResult {
  const states = pieces.map((piece) => {
    const state = rateAnalysis.init({ windows: WINDOWS }, SHAPE, { index: 0, count: 1 });
    rateAnalysis.consume(state, columnsOf([...piece], []));
    return state;
  });
  const merged = states.reduce((a, b) => rateAnalysis.merge(a, b));
  return rateAnalysis.finish(merged, SHAPE);
}

it('counts each window and privilege as a map does', () => {
  fc.assert(
    fc.property(accesses, (list) => {
      const wanted = new Map<string, number>();
      for (const { icount, cpl, flags } of list) {
        const key = `${windowOf(WINDOWS, icount)} ${cpl > 3 ? 4 : cpl} ${flags & 1}`;
        wanted.set(key, (wanted.get(key) ?? 0) + 1);
      }
      const found = new Map<string, number>();
      analyse([list]).windows.forEach(({ loads, stores }, window) => {
        for (const [store, counts] of [loads, stores].entries()) {
          counts.forEach((count, cpl) => {
            if (count > 0) found.set(`${window} ${cpl} ${store}`, count);
          });
        }
      });
      expect(found).toEqual(wanted);
    }),
  );
});

it('counts what each vCPU does in its own windows', () => {
  fc.assert(
    fc.property(accesses, (list) => {
      const wanted = new Map<string, number>();
      for (const { icount, vcpu } of list) {
        const key = `${vcpu} ${windowOf(WINDOWS, icount)}`;
        wanted.set(key, (wanted.get(key) ?? 0) + 1);
      }
      const found = new Map<string, number>();
      for (const { vcpu, accesses: counts } of analyse([list]).vcpus) {
        expect(counts).toHaveLength(WINDOWS.windowCount);
        counts.forEach((count, window) => {
          if (count > 0) found.set(`${vcpu} ${window}`, count);
        });
      }
      expect(found).toEqual(wanted);
    }),
  );
});

it('is the same split anywhere and merged', () => {
  fc.assert(
    fc.property(accesses, cuts, (list, parts) => {
      expect(analyse(cutAt(list, parts))).toEqual(analyse([list]));
    }),
  );
});
