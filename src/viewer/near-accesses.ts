// SPDX-License-Identifier: Apache-2.0
// Single accesses, when the map is close enough for them to be told apart: each where it was and as large as it was,
// which no count of cells says.

import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { type AccessRow, PAGE_BYTES, type Space } from '../server/protocol.ts';
import { api } from './api-client.ts';
import * as page from './page-state.ts';
import { reportProblem } from './problems.ts';
import type { ColourMode, Region } from './view.ts';

/** Accesses that are shown one by one. */
const NEAR_ACCESSES = 400;
/** Pages in view that they are looked for in. */
const NEAR_PAGES = 256;
const PAUSE_MS = 80;
const MARGIN = 50;

export interface NearAccess {
  readonly row: AccessRow;
  /** Of its first byte. */
  readonly rank: number;
}

/** Consecutive accesses of a stream. */
export interface NearRows {
  readonly stream: number;
  readonly rows: readonly AccessRow[];
}

/** All accesses of the time in view and a little more, when it is short; on whatever pages. */
export const nearRows: Signal<NearRows | null> = signal(null);

/** Accesses at ranks of a space, which mean nothing in another one, and where they were looked for. */
interface Placed {
  readonly space: Space;
  readonly stream: number;
  readonly region: Region;
  readonly accesses: readonly NearAccess[];
}

const placed: Signal<Placed | null> = signal(null);
const NONE: readonly NearAccess[] = [];

/** Those of the pages in view. What came for a view that is no longer there is in none. */
export const nearAccesses: ReadonlySignal<readonly NearAccess[]> = computed(() => {
  const { value } = page.view;
  const now = placed.value;
  if (now === null || now.space !== value.space || now.stream !== value.stream) return NONE;
  return isNear(value) && overlap(now.region, value) ? now.accesses : NONE;
});

function overlap(a: Region, b: Region): boolean {
  return a.from < b.to && b.from < a.to && a.low < b.high && b.low < a.high;
}

/** The map shows accesses, not only counts. */
export const areShownSingly: ReadonlySignal<boolean> = computed(
  () => nearAccesses.value.length > 0,
);

export function isNear({ from, to, low, high }: Region): boolean {
  return to - from <= NEAR_ACCESSES && high - low <= NEAR_PAGES;
}

/** With loads alone no store is shown, and the other way round. */
export function isOfMode(mode: ColourMode, { kind }: AccessRow): boolean {
  return kind === 'store' ? mode !== 'loads' : mode !== 'stores';
}

/** Which of the accesses are in these pages, and where. `pages`: addresses by rank from `first` on. */
export function placeAccesses(
  rows: readonly AccessRow[],
  space: Space,
  first: number,
  pages: readonly (string | null)[],
): NearAccess[] {
  const ranks = new Map<bigint, number>();
  pages.forEach((address, i) => {
    if (address !== null) ranks.set(BigInt(address) / BigInt(PAGE_BYTES), first + i);
  });
  return rows.flatMap((row) => {
    const text = space === 'virtual' ? row.vaddr : row.paddr;
    if (text === null) return [];
    const address = BigInt(text);
    const rank = ranks.get(address / BigInt(PAGE_BYTES));
    if (rank === undefined) return [];
    return [{ row, rank: rank + Number(address % BigInt(PAGE_BYTES)) / PAGE_BYTES }];
  });
}

/** The access at a place of the map; the smaller one where two share it. */
export function nearAccessAt(ordinal: number, rank: number): NearAccess | undefined {
  return nearAccesses
    .peek()
    .find(
      (near) =>
        near.row.ordinal === Math.floor(ordinal) &&
        isOfMode(page.view.peek().colours, near.row) &&
        rank >= near.rank &&
        rank < near.rank + near.row.size / PAGE_BYTES,
    );
}

/** Returns what stops it. */
export function followNearAccesses(): () => void {
  let controller = new AbortController();
  let timer = 0;
  const load = async (): Promise<void> => {
    controller.abort();
    controller = new AbortController();
    const { signal: aborted } = controller;
    const { space, stream, from, to, low, high } = page.view.peek();
    const { accesses, pages } = page.extent.peek();
    const begin = Math.max(0, Math.floor(from) - MARGIN);
    const end = Math.min(accesses, Math.ceil(to) + MARGIN);
    const first = Math.max(0, Math.floor(low));
    const last = Math.min(pages, Math.ceil(high));
    const findPages = async (): Promise<readonly (string | null)[]> => {
      if (!isNear(page.view.peek())) return [];
      const asked = { space, low: first, high: last, rows: last - first };
      return (await api.addresses(asked, aborted)).rows.map(({ address }) => address);
    };
    try {
      const [{ rows }, known] = await Promise.all([
        api.accesses({ stream, from: begin, to: end, offset: 0, count: end - begin }, aborted),
        findPages(),
      ]);
      if (aborted.aborted) return;
      batch(() => {
        nearRows.value = { stream, rows };
        placed.value = {
          ...{ space, stream, region: { from: begin, to: end, low: first, high: last } },
          accesses: placeAccesses(rows, space, first, known),
        };
      });
    } catch (error) {
      reportProblem(error);
    }
  };
  const stop = effect(() => {
    const view = page.view.value;
    const isWanted = view.to - view.from <= NEAR_ACCESSES && page.isReady.value;
    clearTimeout(timer);
    if (isWanted) timer = window.setTimeout(() => void load(), PAUSE_MS);
    else controller.abort();
  });
  return () => {
    stop();
    clearTimeout(timer);
    controller.abort();
  };
}
