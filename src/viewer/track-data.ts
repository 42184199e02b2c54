// SPDX-License-Identifier: Apache-2.0
// The tracks below the map: asked for when the time that is shown changes.

import { effect, type Signal, signal } from '@preact/signals';
import { partitionPoint } from '../base/index.ts';
import type { TracksReply } from '../server/protocol.ts';
import { api } from './api-client.ts';
import * as page from './page-state.ts';
import { reportProblem } from './problems.ts';

export const tracks: Signal<TracksReply | null> = signal(null);

const PAUSE_MS = 90;
/** More than is shown, so that a small movement is covered. */
const MARGIN = 0.25;
const LEAST_COLUMNS = 480;
/** Of a column on the screen, at least, where there are more. */
const COLUMN_PIXELS = 2;

/** Returns what stops it. */
export function followTracks(): () => void {
  let controller = new AbortController();
  let timer = 0;
  const ask = async (): Promise<void> => {
    controller.abort();
    controller = new AbortController();
    const { signal: aborted } = controller;
    const { from, to, stream } = page.view.peek();
    const margin = (to - from) * MARGIN;
    const last = Math.max(1, page.extent.peek().accesses);
    const begin = Math.max(0, Math.floor(from - margin));
    const end = Math.max(begin + 1, Math.min(last, Math.ceil(to + margin)));
    try {
      const fitting = Math.floor((page.mapFrame.peek().width * (1 + 2 * MARGIN)) / COLUMN_PIXELS);
      const columns = Math.max(LEAST_COLUMNS, fitting);
      tracks.value = await api.tracks({ stream, from: begin, to: end, columns }, aborted);
    } catch (error) {
      reportProblem(error);
    }
  };
  let before = '';
  const stop = effect(() => {
    const { from, to, stream } = page.view.value;
    const key = `${from}/${to}/${stream}/${page.isReady.value}`;
    if (!page.isReady.value || key === before) return;
    before = key;
    clearTimeout(timer);
    timer = window.setTimeout(() => void ask(), PAUSE_MS);
  });
  return () => {
    stop();
    clearTimeout(timer);
    controller.abort();
  };
}

/** Column of an ordinal; undefined outside of what is known. */
export function columnAt({ begins, end }: TracksReply, ordinal: number): number | undefined {
  if (ordinal > end) return undefined;
  const begun = partitionPoint(begins.length, (column) => (begins[column] ?? 0) <= ordinal);
  return begun === 0 ? undefined : begun - 1;
}
