// SPDX-License-Identifier: Apache-2.0

import type { JSX } from 'preact';
import { switchTheme } from './colours.ts';
import { ExportMenu } from './export-menu.tsx';
import { FindBox } from './find-box.tsx';
import { showSide } from './navigation.ts';
import { helpOpen, sideTab, theme, trace } from './page-state.ts';
import { baseName } from './save-file.ts';

export function TopBar(): JSX.Element {
  const isDark = theme.value === 'dark';
  return (
    <header class="top">
      <span class="brand" role="img" aria-label="loadstore">
        load<i>store</i>
      </span>
      <h1 class="file" title={trace.value?.file ?? ''}>
        {trace.value === null ? 'Opening the trace' : baseName(trace.value.file)}
      </h1>
      <span class="group" role="group" aria-label="History">
        <button
          type="button"
          class="icon"
          aria-label="Back"
          title="Back"
          onClick={() => history.back()}
        >
          ‹
        </button>
        <button
          type="button"
          class="icon"
          aria-label="Forward"
          title="Forward"
          onClick={() => history.forward()}
        >
          ›
        </button>
      </span>
      <FindBox />
      <ExportMenu />
      <button
        type="button"
        aria-pressed={sideTab.value === 'start'}
        title="What this trace is (i)"
        onClick={() => showSide('start')}
      >
        About
      </button>
      <button
        type="button"
        aria-label={isDark ? 'Light colours' : 'Dark colours'}
        title="Light or dark (t)"
        onClick={switchTheme}
      >
        {isDark ? 'Light' : 'Dark'}
      </button>
      <button
        type="button"
        class="icon"
        aria-label="Keys"
        title="Keys (?)"
        onClick={() => {
          helpOpen.value = true;
        }}
      >
        ?
      </button>
    </header>
  );
}
