// SPDX-License-Identifier: Apache-2.0
// What the page shows, as signals: whatever reads one is drawn again when it changes, and nothing else is.

import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { SpaceInfo, StreamInfo, TraceReply } from '../server/protocol.ts';
import type { Theme } from './palette.ts';
import type { Extent, Frame, Place, Region, View } from './view.ts';
import type { ListScope, LowerTab, SideTab, Target } from './view-link.ts';

export const trace: Signal<TraceReply | null> = signal(null);

export const view: Signal<View> = signal({
  space: 'virtual',
  stream: 0,
  from: 0,
  to: 2,
  low: 0,
  high: 1,
  colours: 'sum',
});

/** CSS size of the map. */
export const mapFrame: Signal<Frame> = signal({ width: 1, height: 1 });

/** A window that was brushed or a cell that was clicked. */
export const selected: Signal<Region | null> = signal(null);
/** Ordinal of the access that is shown. */
export const access: Signal<number | null> = signal(null);
export const target: Signal<Target | null> = signal(null);
/** What is being brushed now. */
export const brushing: Signal<Region | null> = signal(null);
/** Dragging selects instead of moving. */
export const brushMode: Signal<boolean> = signal(false);

/** What is under the pointer. */
export const pointed: Signal<Place | null> = signal(null);

export const tab: Signal<LowerTab> = signal('tracks');
export const listScope: Signal<ListScope> = signal('selection');
export const sideTab: Signal<SideTab> = signal('start');
export const sql: Signal<string> = signal('');
/** Counts up for a query to be run again. */
export const sqlRuns: Signal<number> = signal(0);
export const helpOpen: Signal<boolean> = signal(false);

/** An access is being looked for. */
export const isSearching: Signal<boolean> = signal(false);

/** Said to a screen reader: what everybody else sees anyhow. */
export const announcement: Signal<string> = signal('');

export const theme: Signal<Theme> = signal('light');

export const spaceInfo: ReadonlySignal<SpaceInfo | null> = computed(
  () => trace.value?.spaces[view.value.space] ?? null,
);

export const streamInfo: ReadonlySignal<StreamInfo | null> = computed(
  () => trace.value?.streams.find(({ stream }) => stream === view.value.stream) ?? null,
);

export const extent: ReadonlySignal<Extent> = computed(() => ({
  accesses: streamInfo.value?.accesses ?? 0,
  pages: spaceInfo.value?.pageCount ?? 0,
}));

export const isReady: ReadonlySignal<boolean> = computed(
  () => trace.value?.index.state === 'ready',
);
