// SPDX-License-Identifier: Apache-2.0
// Below the map, in turn: tracks, the list of accesses, the result of a query. Its height is the reader's.

import { signal, useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { AccessList } from './access-list.tsx';
import { Banners } from './banners.tsx';
import { noteLink } from './navigation.ts';
import { tab } from './page-state.ts';
import { QueryPanel } from './query-panel.tsx';
import { TabRow } from './tab-row.tsx';
import { TracksPanel } from './tracks-panel.tsx';
import { LOWER_TABS, type LowerTab } from './view-link.ts';

const NAMES: { readonly [T in LowerTab]: string } = {
  tracks: 'Tracks',
  list: 'Accesses',
  query: 'SQL',
};
const TABS = LOWER_TABS.map((name, i) => {
  return { name, text: NAMES[name], title: `${NAMES[name]} (${i + 1})` };
});
const LEAST = 90;
const STEP = 24;
/** What stays for the map and what is above it. */
const ABOVE = 320;

/** Part of the height below which the pane begins, in pixels from below; null: by the style sheet. */
const height = signal<number | null>(null);

function setHeight(pixels: number): void {
  height.value = Math.max(LEAST, Math.min(window.innerHeight - ABOVE, pixels));
}

export function LowerPane(): JSX.Element {
  return (
    <section
      class="lower"
      id="lower"
      aria-label="Tracks, accesses, SQL"
      style={height.value === null ? {} : { height: `${height.value}px` }}
    >
      <Divider />
      <Banners />
      <TabRow
        label="Below the map"
        tabs={TABS}
        chosen={tab.value}
        panel="lower-panel"
        choose={(name) => {
          tab.value = name;
          noteLink();
        }}
      />
      <div
        class="lower-panel"
        id="lower-panel"
        role="tabpanel"
        aria-labelledby={`tab-${tab.value}`}
      >
        {tab.value === 'tracks' ? <TracksPanel /> : null}
        {tab.value === 'list' ? <AccessList /> : null}
        {tab.value === 'query' ? <QueryPanel /> : null}
      </div>
    </section>
  );
}

function Divider(): JSX.Element {
  const heightNow = (): number => document.getElementById('lower')?.clientHeight ?? LEAST;
  const measured = useSignal(LEAST);
  useEffect(() => {
    measured.value = heightNow();
  }, []);
  return (
    <div
      class="divider"
      role="separator"
      aria-orientation="horizontal"
      aria-label="Height of the lower pane"
      aria-controls="lower"
      aria-valuenow={Math.round(height.value ?? measured.value)}
      aria-valuemin={LEAST}
      aria-valuemax={Math.max(LEAST, window.innerHeight - ABOVE)}
      tabIndex={0}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
        const box = document.getElementById('lower')?.getBoundingClientRect();
        if (box !== undefined) setHeight(box.bottom - event.clientY);
      }}
      onKeyDown={(event) => {
        if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
        event.preventDefault();
        setHeight(heightNow() + (event.key === 'ArrowUp' ? STEP : -STEP));
      }}
    />
  );
}
