// SPDX-License-Identifier: Apache-2.0
// At the right: what this trace is, or what is selected.

import type { JSX } from 'preact';
import { AccessPanel } from './access-panel.tsx';
import { showSide } from './navigation.ts';
import { access, selected, sideTab, trace } from './page-state.ts';
import { StartPanel } from './start-panel.tsx';
import { SummaryPanel } from './summary-panel.tsx';
import { TabRow } from './tab-row.tsx';

const TABS = [
  { name: 'start', text: 'About this trace' },
  { name: 'selection', text: 'Selection' },
] as const;

export function SidePane(): JSX.Element {
  const isStart = sideTab.value === 'start';
  return (
    <aside class="side" aria-label="Details">
      <TabRow
        label="Details"
        tabs={TABS}
        chosen={sideTab.value}
        panel="side-panel"
        choose={showSide}
      />
      <div
        class="side-panel"
        id="side-panel"
        role="tabpanel"
        tabIndex={0}
        aria-labelledby={isStart ? 'tab-start' : 'tab-selection'}
      >
        {isStart ? trace.value === null ? null : <StartPanel reply={trace.value} /> : <Details />}
      </div>
    </aside>
  );
}

function Details(): JSX.Element {
  const isAny = access.value !== null || selected.value !== null;
  return (
    <>
      {access.value === null ? null : <AccessPanel ordinal={access.value} />}
      {selected.value === null ? null : (
        <SummaryPanel key={JSON.stringify(selected.value)} region={selected.value} />
      )}
      {isAny ? null : (
        <div class="empty">
          <p>Nothing is selected.</p>
          <p class="soft">
            Click a cell of the map, drag a window with Shift, or find something in the box above.
          </p>
        </div>
      )}
    </>
  );
}
