// SPDX-License-Identifier: Apache-2.0
// Light or dark, as the system says until it is chosen; colours of the style sheet for what is drawn on canvases.

import { computed, effect, type ReadonlySignal } from '@preact/signals';
import { themeColour } from './canvas-size.ts';
import { theme } from './page-state.ts';
import { MAP_BACKGROUND } from './palette.ts';

const STORED = 'loadstore-theme';

function storedTheme(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

/** Before anything is drawn. */
export function startTheme(): void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const followSystem = (): void => {
    const stored = storedTheme();
    const dark = stored === null ? system.matches : stored === 'dark';
    theme.value = dark ? 'dark' : 'light';
  };
  followSystem();
  system.addEventListener('change', followSystem);
  effect(() => {
    document.documentElement.dataset['theme'] = theme.value;
  });
}

export function switchTheme(): void {
  theme.value = theme.peek() === 'dark' ? 'light' : 'dark';
  try {
    localStorage.setItem(STORED, theme.peek());
  } catch {
    // The browser keeps nothing: the theme lasts as long as the page.
  }
}

export interface CanvasColours {
  readonly ink: string;
  readonly soft: string;
  readonly line: string;
  readonly accent: string;
  readonly veil: string;
  readonly card: string;
  readonly load: string;
  readonly loadInk: string;
  readonly store: string;
  readonly storeInk: string;
  /** Round the markers on the map, so that they stand off whatever is under them. */
  readonly ground: string;
  /** Of series, bands and address spaces, in turn. */
  readonly series: readonly string[];
}

const SERIES = 8;

export const canvasColours: ReadonlySignal<CanvasColours> = computed(() => {
  // The style sheet goes by this attribute, and effects may run after this.
  document.documentElement.dataset['theme'] = theme.value;
  return {
    ink: themeColour('ink'),
    soft: themeColour('soft'),
    line: themeColour('line'),
    accent: themeColour('accent'),
    veil: themeColour('veil'),
    card: themeColour('card'),
    load: themeColour('load-fill'),
    loadInk: themeColour('load-ink'),
    store: themeColour('store-fill'),
    storeInk: themeColour('store-ink'),
    ground: MAP_BACKGROUND[theme.value],
    series: Array.from({ length: SERIES }, (_, i) => themeColour(`s${i}`)),
  };
});
