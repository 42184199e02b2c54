// SPDX-License-Identifier: Apache-2.0
// Says what the map shows: with the map's name, and after keys have moved it.

import { effect, type Signal, signal } from '@preact/signals';
import { addressOfRank } from './address-book.ts';
import { scene } from './map-pane.tsx';
import { painted } from './map-scene.ts';
import { describeMap } from './map-words.ts';
import * as page from './page-state.ts';

/** Of the map as it is now; empty until it is drawn. */
export const mapWords: Signal<string> = signal('');
/** The same, when keys brought it there: said at once. */
export const movedTo: Signal<string> = signal('');

let isMovedByKeys = false;

/** To be called as a key moves the map. */
export function noteKeyMove(): void {
  isMovedByKeys = true;
}

const REST_MS = 500;

/** Returns what stops it. */
export function followMapWords(): () => void {
  let timer = 0;
  let asking = new AbortController();
  const say = async (): Promise<void> => {
    const view = page.view.peek();
    const extent = page.extent.peek();
    const sums = scene.current?.sums();
    if (sums === undefined || extent.pages === 0) return;
    asking = new AbortController();
    const { signal: aborted } = asking;
    const addressOf = async (rank: number): Promise<string> =>
      addressOfRank(view.space, Math.min(Math.max(0, rank), extent.pages - 1 / 4096), aborted);
    try {
      const [first, last, busiest] = await Promise.all([
        addressOf(view.low),
        addressOf(view.high - 1 / 4096),
        sums.busiest === null ? null : addressOf(sums.busiest.region.low),
      ]);
      if (aborted.aborted) return;
      const bands = page.spaceInfo.peek()?.bands ?? [];
      mapWords.value = describeMap({ view, extent, bands, first, last, busiest, sums });
      if (isMovedByKeys) movedTo.value = mapWords.peek();
      isMovedByKeys = false;
    } catch {
      // The map itself says when the server is gone.
    }
  };
  const stop = effect(() => {
    void [page.view.value, page.extent.value, painted.value];
    clearTimeout(timer);
    asking.abort();
    if (page.isReady.value) timer = window.setTimeout(() => void say(), REST_MS);
  });
  return () => {
    stop();
    clearTimeout(timer);
    asking.abort();
  };
}
