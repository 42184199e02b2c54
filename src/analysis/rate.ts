// SPDX-License-Identifier: Apache-2.0
// How many accesses there are in each window of time, by privilege. Order does not matter.

import { halves } from '../base/index.ts';
import { AccessFlag } from '../format/index.ts';
import { type AccessColumns, requireColumn } from './access-columns.ts';
import type { FreeAnalysis } from './analysis.ts';
import { beginOfWindow, type TimeWindows, windowOf } from './time-windows.ts';

export interface RateParameters {
  readonly windows: TimeWindows;
}

export interface RateState {
  readonly windows: TimeWindows;
  /** Loads and stores at privilege p (4: not known) in window w at 2 * (w * PRIVILEGES + p). */
  readonly cells: Float64Array;
}

export interface RateWindow {
  /** icount. */
  readonly begin: number;
  /** By privilege 0 to 3; the last is of accesses whose privilege is not known. */
  readonly loads: readonly number[];
  readonly stores: readonly number[];
}

export interface RateResult {
  readonly windowInstructions: number;
  readonly windows: readonly RateWindow[];
}

const PRIVILEGES = 5;

export const rateAnalysis: FreeAnalysis<RateParameters, RateState, RateResult> = {
  name: 'rate',
  order: 'any',
  columns: ['flags', 'cpl', 'icount'],
  requires: ['icount'],
  init: initRate,
  consume: consumeRate,
  merge: mergeRate,
  finish: finishRate,
};

function initRate({ windows }: RateParameters): RateState {
  return { windows, cells: new Float64Array(2 * PRIVILEGES * windows.windowCount) };
}

function consumeRate({ windows, cells }: RateState, batch: AccessColumns): void {
  const flags = requireColumn(batch.flags, 'flags');
  const cpl = requireColumn(batch.cpl, 'cpl');
  const icount = halves(requireColumn(batch.icount, 'icount'));
  let window = -1;
  // Half open, of the current window.
  let begin = 0;
  let end = 0;
  for (let i = 0; i < batch.length; i++) {
    const now = icount[2 * i + 1] * 2 ** 32 + icount[2 * i];
    if (now < begin || now >= end || window < 0) {
      window = windowOf(windows, now);
      begin = window === 0 ? 0 : beginOfWindow(windows, window);
      end = window === windows.windowCount - 1 ? Infinity : beginOfWindow(windows, window + 1);
    }
    const privilege = cpl[i] < PRIVILEGES ? cpl[i] : PRIVILEGES - 1;
    cells[2 * (window * PRIVILEGES + privilege) + (flags[i] & AccessFlag.store)]++;
  }
}

function mergeRate(a: RateState, b: RateState): RateState {
  for (let i = 0; i < a.cells.length; i++) a.cells[i] += b.cells[i];
  return a;
}

function finishRate({ windows, cells }: RateState): RateResult {
  const byPrivilege = (window: number, store: number): number[] =>
    Array.from({ length: PRIVILEGES }, (_, p) => cells[2 * (window * PRIVILEGES + p) + store]);
  return {
    windowInstructions: windows.windowInstructions,
    windows: Array.from({ length: windows.windowCount }, (_, window) => ({
      begin: beginOfWindow(windows, window),
      loads: byPrivilege(window, 0),
      stores: byPrivilege(window, 1),
    })),
  };
}
