// SPDX-License-Identifier: Apache-2.0
// Which functions of the guest access memory most. Counts by block of code, which is one addition for each
// access, and gives names only at the end. Order does not matter; aborted accesses are not counted.

import { type AccessColumns, FLAG_ABORTED, FLAG_STORE, requireColumn } from './access-columns.ts';

export interface TopFunctionsState {
  readonly loads: Float64Array;
  readonly stores: Float64Array;
}

export interface FunctionCount {
  readonly name: string;
  readonly loads: number;
  readonly stores: number;
}

export interface TopFunctionsResult {
  readonly loads: number;
  readonly stores: number;
  readonly functionCount: number;
  /** Most accesses first; at most as many as asked for. */
  readonly functions: readonly FunctionCount[];
}

/** `blockCount`: entries of the trace's code table. */
export function initTopFunctions(blockCount: number): TopFunctionsState {
  return { loads: new Float64Array(blockCount), stores: new Float64Array(blockCount) };
}

export function consumeTopFunctions(
  state: TopFunctionsState,
  batch: AccessColumns,
  begin = 0,
  end: number = batch.length,
): void {
  const block = requireColumn(batch.block, 'block');
  const flags = requireColumn(batch.flags, 'flags');
  const { loads, stores } = state;
  for (let i = begin; i < end; i++) {
    const flag = flags[i];
    if ((flag & FLAG_ABORTED) !== 0) continue;
    if ((flag & FLAG_STORE) === 0) loads[block[i]]++;
    else stores[block[i]]++;
  }
}

/** Adds b to a, which are of one trace; b is not to be used any more. */
export function mergeTopFunctions(a: TopFunctionsState, b: TopFunctionsState): TopFunctionsState {
  for (let row = 0; row < a.loads.length; row++) {
    a.loads[row] += b.loads[row];
    a.stores[row] += b.stores[row];
  }
  return a;
}

/** `nameBlock` is asked once for each block that accessed memory. */
export function finishTopFunctions(
  state: TopFunctionsState,
  nameBlock: (block: number) => string,
  limit: number,
): TopFunctionsResult {
  const byName = new Map<string, { name: string; loads: number; stores: number }>();
  let loads = 0;
  let stores = 0;
  for (let row = 0; row < state.loads.length; row++) {
    if (state.loads[row] === 0 && state.stores[row] === 0) continue;
    const name = nameBlock(row);
    const count = byName.get(name) ?? { name, loads: 0, stores: 0 };
    count.loads += state.loads[row];
    count.stores += state.stores[row];
    byName.set(name, count);
    loads += state.loads[row];
    stores += state.stores[row];
  }
  const functions = [...byName.values()].sort(
    (a, b) => b.loads + b.stores - (a.loads + a.stores) || (a.name < b.name ? -1 : 1),
  );
  return { loads, stores, functionCount: functions.length, functions: functions.slice(0, limit) };
}
