// SPDX-License-Identifier: Apache-2.0
// Where everything stands on the page.

import type { JSX } from 'preact';
import { HelpPage } from './help-page.tsx';
import { IndexProgress } from './index-progress.tsx';
import { LowerPane } from './lower-pane.tsx';
import { MapHead } from './map-head.tsx';
import { MapPane } from './map-pane.tsx';
import { mapWords, movedTo } from './map-reader.ts';
import { announcement } from './page-state.ts';
import { SidePane } from './side-pane.tsx';
import { StatusLine } from './status-line.tsx';
import { TopBar } from './top-bar.tsx';

export function App(): JSX.Element {
  return (
    <div class="app">
      <TopBar />
      <main class="main">
        <section class="upper" aria-label="Map">
          <MapHead />
          <div class="map-grid">
            <MapPane />
            <p class="unseen" id="map-words">
              {mapWords}
            </p>
            <IndexProgress />
          </div>
        </section>
        <LowerPane />
      </main>
      <SidePane />
      <StatusLine />
      <HelpPage />
      <div class="unseen" role="status" aria-live="polite">
        {announcement}
      </div>
      <div class="unseen" role="status" id="moved-to">
        {movedTo}
      </div>
    </div>
  );
}
