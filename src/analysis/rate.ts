// SPDX-License-Identifier: Apache-2.0
// How many accesses there are in each window of time, by privilege, and of each vCPU. Order does not matter.

import { halves } from '../base/index.ts';
import { AccessFlag } from '../format/index.ts';
import { type AccessColumns, requireColumn } from './access-columns.ts';
import type { FreeAnalysis, TraceShape } from './analysis.ts';
import { beginOfWindow, type TimeWindows, windowOf } from './time-windows.ts';

export interface RateParameters {
  readonly windows: TimeWindows;
}

export interface RateState {
  readonly windows: TimeWindows;
  /** Loads and stores at privilege p (4: not known) in window w at 2 * (w * PRIVILEGES + p). */
  readonly cells: Float64Array;
  /** Accesses of vCPU v in window w at v * windowCount + w. */
  readonly vcpuCells: Float64Array;
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
  /** Of all vCPUs together, each by its own icount. */
  readonly windows: readonly RateWindow[];
  /** Those that accessed memory. */
  readonly vcpus: readonly VcpuRate[];
}

export interface VcpuRate {
  readonly vcpu: number;
  /** Accesses by window of its own instructions. */
  readonly accesses: readonly number[];
}

const PRIVILEGES = 5;

export const rateAnalysis: FreeAnalysis<RateParameters, RateState, RateResult> = {
  name: 'rate',
  order: 'any',
  columns: ['flags', 'cpl', 'icount', 'vcpu'],
  requires: ['icount'],
  init: initRate,
  consume: consumeRate,
  merge: mergeRate,
  finish: finishRate,
};

function initRate({ windows }: RateParameters, { vcpuCount }: TraceShape): RateState {
  const { windowCount } = windows;
  return {
    windows,
    cells: new Float64Array(2 * PRIVILEGES * windowCount),
    vcpuCells: new Float64Array(vcpuCount * windowCount),
  };
}

function consumeRate({ windows, cells, vcpuCells }: RateState, batch: AccessColumns): void {
  const flags = requireColumn(batch.flags, 'flags');
  const cpl = requireColumn(batch.cpl, 'cpl');
  const vcpu = requireColumn(batch.vcpu, 'vcpu');
  const { windowCount } = windows;
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
      end = window === windowCount - 1 ? Infinity : beginOfWindow(windows, window + 1);
    }
    const privilege = cpl[i] < PRIVILEGES ? cpl[i] : PRIVILEGES - 1;
    cells[2 * (window * PRIVILEGES + privilege) + (flags[i] & AccessFlag.store)]++;
    vcpuCells[vcpu[i] * windowCount + window]++;
  }
}

function mergeRate(a: RateState, b: RateState): RateState {
  for (let i = 0; i < a.cells.length; i++) a.cells[i] += b.cells[i];
  for (let i = 0; i < a.vcpuCells.length; i++) a.vcpuCells[i] += b.vcpuCells[i];
  return a;
}

function finishRate({ windows, cells, vcpuCells }: RateState): RateResult {
  const { windowCount } = windows;
  const byPrivilege = (window: number, store: number): number[] =>
    Array.from({ length: PRIVILEGES }, (_, p) => cells[2 * (window * PRIVILEGES + p) + store]);
  return {
    windowInstructions: windows.windowInstructions,
    windows: Array.from({ length: windowCount }, (_, window) => ({
      begin: beginOfWindow(windows, window),
      loads: byPrivilege(window, 0),
      stores: byPrivilege(window, 1),
    })),
    vcpus: Array.from({ length: vcpuCells.length / windowCount }, (_, vcpu) => ({
      vcpu,
      accesses: [...vcpuCells.subarray(vcpu * windowCount, (vcpu + 1) * windowCount)],
    })).filter(({ accesses }) => accesses.some((count) => count > 0)),
  };
}
