// SPDX-License-Identifier: Apache-2.0
// Keys: once when they are pressed and, those that move, on and on while they are held.

import {
  clearSelection,
  endSearch,
  followTarget,
  selectRegion,
  step,
  zoomToSelection,
} from './actions.ts';
import { switchTheme } from './colours.ts';
import { focusFindBox } from './find-box.tsx';
import { findKey, type KeyAction } from './key-map.ts';
import { selectMiddle } from './map-pane.tsx';
import { noteKeyMove } from './map-reader.ts';
import { jump, moveBy, noteLink, showAll, showSide, showSpace } from './navigation.ts';
import * as page from './page-state.ts';
import { COLOUR_MODES, panRegion, type Region, zoomRegion } from './view.ts';
import type { LowerTab } from './view-link.ts';

/** Parts of the screen a second, and factors of zoom a second. */
const PAN_RATE = 0.9;
const ZOOM_RATE = 5;
/** What one short press does, in seconds of holding. */
const PRESS_SECONDS = 0.11;
const HOLD_AFTER_MS = 160;

function showTab(name: LowerTab): void {
  page.tab.value = name;
  noteLink();
}

const ONCE: { readonly [A in KeyAction]?: () => void } = {
  'next-access': () => void followTarget('next'),
  'previous-access': () => void followTarget('previous'),
  'step-forward': () => step(1),
  'step-back': () => step(-1),
  'zoom-selection': () => zoomToSelection(),
  'show-all': showAll,
  'select-middle': selectMiddle,
  'select-view': () => selectRegion(page.view.peek()),
  clear: () => {
    if (page.helpOpen.peek()) page.helpOpen.value = false;
    else if (page.isSearching.peek()) endSearch();
    else clearSelection();
  },
  find: focusFindBox,
  brush: () => {
    page.brushMode.value = !page.brushMode.peek();
  },
  space: () => showSpace(page.view.peek().space === 'virtual' ? 'physical' : 'virtual'),
  colours: () => {
    const next = COLOUR_MODES.indexOf(page.view.peek().colours) + 1;
    jump({ colours: COLOUR_MODES[next % COLOUR_MODES.length] ?? 'sum' });
  },
  'tab-tracks': () => showTab('tracks'),
  'tab-list': () => showTab('list'),
  'tab-query': () => showTab('query'),
  start: () => showSide(page.sideTab.peek() === 'start' ? 'selection' : 'start'),
  theme: switchTheme,
  help: () => {
    page.helpOpen.value = !page.helpOpen.peek();
  },
};

/** What these show is said when it is there, as what keys that are held do. */
const SAID: ReadonlySet<KeyAction> = new Set(['show-all', 'zoom-selection', 'space', 'colours']);

/** What a key that is held does in `seconds`; undefined for other keys. */
function heldChange(action: KeyAction, seconds: number): ((region: Region) => Region) | undefined {
  const pan = PAN_RATE * seconds;
  const zoomIn = ZOOM_RATE ** -seconds;
  const zoomOut = ZOOM_RATE ** seconds;
  switch (action) {
    case 'pan-left':
      return (region) => panRegion(region, -pan, 0);
    case 'pan-right':
      return (region) => panRegion(region, pan, 0);
    case 'pan-up':
      return (region) => panRegion(region, 0, pan);
    case 'pan-down':
      return (region) => panRegion(region, 0, -pan);
    case 'zoom-in':
      return (region) => zoomAtPointer(region, zoomIn, zoomIn);
    case 'zoom-out':
      return (region) => zoomAtPointer(region, zoomOut, zoomOut);
    case 'zoom-in-time':
      return (region) => zoomAtPointer(region, zoomIn, 1);
    case 'zoom-out-time':
      return (region) => zoomAtPointer(region, zoomOut, 1);
    case 'zoom-in-address':
      return (region) => zoomAtPointer(region, 1, zoomIn);
    case 'zoom-out-address':
      return (region) => zoomAtPointer(region, 1, zoomOut);
    default:
      return undefined;
  }
}

/** Around the pointer where there is one, as the wheel does. */
function zoomAtPointer(region: Region, time: number, ranks: number): Region {
  const at = page.pointed.peek();
  const part = (value: number | null, begin: number, end: number): number => {
    const found = value === null ? 0.5 : (value - begin) / (end - begin);
    return found >= 0 && found <= 1 ? found : 0.5;
  };
  return zoomRegion(
    region,
    time,
    ranks,
    part(at?.ordinal ?? null, region.from, region.to),
    part(at?.rank ?? null, region.low, region.high),
  );
}

/** Keys of a field or a button are its own. */
function isTaken(event: KeyboardEvent): boolean {
  const { target } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest('input, textarea, select, [contenteditable]') !== null) {
    return !(event.ctrlKey || event.metaKey);
  }
  const presses = event.key === 'Enter' || event.key === ' ';
  return presses && target.closest('button, a, summary, [role="grid"]') !== null;
}

export function startKeyboard(): () => void {
  const held = new Map<KeyAction, number>();
  let frame = 0;
  let last = 0;
  const run = (now: number): void => {
    const seconds = Math.min(0.1, (now - last) / 1000);
    last = now;
    for (const [action, since] of held) {
      const change = now - since > HOLD_AFTER_MS ? heldChange(action, seconds) : undefined;
      if (change !== undefined) moveBy(change);
    }
    frame = held.size > 0 ? requestAnimationFrame(run) : 0;
  };
  const stop = new AbortController();
  document.addEventListener(
    'keydown',
    (event) => {
      if (event.defaultPrevented || isTaken(event)) return;
      const bound = findKey(event);
      if (bound === undefined) return;
      const { action } = bound;
      if (page.helpOpen.peek() && action !== 'help' && action !== 'clear') return;
      event.preventDefault();
      if (bound.held || SAID.has(action)) noteKeyMove();
      if (!bound.held) {
        if (!event.repeat || action.endsWith('access')) ONCE[action]?.();
        return;
      }
      if (held.has(action)) return;
      held.set(action, performance.now());
      const change = heldChange(action, PRESS_SECONDS);
      if (change !== undefined) moveBy(change);
      if (frame === 0) {
        last = performance.now();
        frame = requestAnimationFrame(run);
      }
    },
    { signal: stop.signal },
  );
  // Which action a key had may have changed with Shift: whichever is let go, all stop.
  const release = (): void => held.clear();
  document.addEventListener('keyup', release, { signal: stop.signal });
  window.addEventListener('blur', release, { signal: stop.signal });
  return () => {
    stop.abort();
    cancelAnimationFrame(frame);
  };
}
