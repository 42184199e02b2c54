// SPDX-License-Identifier: Apache-2.0
// Changes what is shown and keeps the hash of the URL and the browser's history up with it. A jump (find, a click, a
// guide) is an entry of its own; movements by hand become one when they pause.

import { batch, type Signal, signal } from '@preact/signals';
import type { Space } from '../server/protocol.ts';
import { endErrand, keepMap } from './errand.ts';
import * as page from './page-state.ts';
import { closeProblem, showProblem } from './problems.ts';
import {
  betweenRegions,
  type ColourMode,
  clampRegion,
  type Region,
  regionAround,
  samePart,
  sameRegion,
  wholeRegion,
} from './view.ts';
import {
  decodeLink,
  encodeLink,
  type LinkState,
  type LowerTab,
  type SideTab,
  type Target,
} from './view-link.ts';

const PAUSE_MS = 400;
const SAME_GESTURE_MS = 3000;
const GLIDE_MS = 220;

/** An access that a link asks for, when the map is to be moved there: another one each time that it is followed. */
export const placeWanted: Signal<{ readonly ordinal: number } | null> = signal(null);

/** Where a glide is heading; what is drawn is on the way there. */
let goal: Region | null = null;
let glide = 0;
let pause = 0;
let lastGesture = Number.NEGATIVE_INFINITY;

function regionNow(): Region {
  const { from, to, low, high } = goal ?? page.view.peek();
  return { from, to, low, high };
}

/** The pointer stays where it is on the screen: something else is under it then. */
function showRegion(region: Region): void {
  const view = page.view.peek();
  const pointed = page.pointed.peek();
  batch(() => {
    page.view.value = { ...view, ...region };
    if (pointed !== null) page.pointed.value = samePart(pointed, view, region);
  });
}

function stopGlide(): void {
  cancelAnimationFrame(glide);
  goal = null;
}

/** By hand: at once, and in the history when it pauses. `change` gets the region of now. */
export function moveBy(change: (region: Region) => Region): void {
  keepMap();
  stopGlide();
  showRegion(clampRegion(change(regionNow()), page.extent.peek()));
  clearTimeout(pause);
  pause = window.setTimeout(() => {
    const now = performance.now();
    writeLink(now - lastGesture > SAME_GESTURE_MS);
    lastGesture = now;
  }, PAUSE_MS);
}

/** To another place, seen on the way. Writes no history: `jump` does. */
function glideTo(region: Region): void {
  const start = regionNow();
  const end = clampRegion(region, page.extent.peek());
  stopGlide();
  if (sameRegion(start, end)) return;
  if (matchMedia('(prefers-reduced-motion: reduce)').matches || document.hidden) {
    showRegion(end);
    return;
  }
  goal = end;
  const begun = performance.now();
  const step = (now: number): void => {
    const part = Math.min(1, Math.max(0, (now - begun) / GLIDE_MS));
    if (part >= 1) {
      goal = null;
      showRegion(end);
      return;
    }
    showRegion(betweenRegions(start, end, 1 - (1 - part) ** 3));
    glide = requestAnimationFrame(step);
  };
  glide = requestAnimationFrame(step);
}

export interface Jump {
  readonly region?: Region;
  readonly space?: Space;
  readonly colours?: ColourMode;
  readonly stream?: number;
  readonly selected?: Region | null;
  readonly access?: number | null;
  readonly target?: Target | null;
  readonly tab?: LowerTab;
  readonly sql?: string;
}

/** An entry of the history of its own; or, when it only completes the jump before, a part of that one's. */
export function jump(to: Jump, isNew = true): void {
  const before = stateNow();
  batch(() => {
    const { space, stream, colours } = to;
    const now = page.view.peek();
    if (space !== undefined || stream !== undefined || colours !== undefined) {
      page.view.value = {
        ...now,
        space: space ?? now.space,
        stream: stream ?? now.stream,
        colours: colours ?? now.colours,
      };
    }
    if (to.selected !== undefined) page.selected.value = to.selected;
    if (to.access !== undefined) page.access.value = to.access;
    if (to.target !== undefined) page.target.value = to.target;
    if (to.tab !== undefined) page.tab.value = to.tab;
    if (to.sql !== undefined) page.sql.value = to.sql;
    const isOtherAxis =
      page.view.peek().space !== now.space || page.view.peek().stream !== now.stream;
    if (isOtherAxis) {
      endErrand();
      stopGlide();
      showRegion(clampRegion(to.region ?? wholeRegion(page.extent.peek()), page.extent.peek()));
    } else if (to.region !== undefined) {
      glideTo(to.region);
    }
  });
  if (encodeLink(before) !== encodeLink(stateNow())) writeLink(isNew);
}

/** The whole of what the map is of now. */
export function showAll(): void {
  keepMap();
  jump({ region: wholeRegion(page.extent.peek()) });
}

/** The whole of the other space, at the same time. */
export function showSpace(space: Space): void {
  if (page.view.peek().space === space || (page.trace.peek()?.spaces[space] ?? null) === null)
    return;
  const { from, to } = regionNow();
  const pages = page.trace.peek()?.spaces[space]?.pageCount ?? 1;
  jump({ space, region: { from, to, low: 0, high: pages }, selected: null, target: null });
}

/** Moves no more than is needed to see the place. */
export function regionShowing(ordinal: number, rank: number | null): Region {
  return regionAround(regionNow(), ordinal, rank);
}

function stateNow(): LinkState {
  const { space, stream, colours } = page.view.peek();
  return {
    space,
    stream,
    region: regionNow(),
    colours,
    selected: page.selected.peek(),
    access: page.access.peek(),
    target: page.target.peek(),
    tab: page.tab.peek(),
    list: page.listScope.peek(),
    side: page.sideTab.peek(),
    sql: page.sql.peek(),
    trace: page.trace.peek()?.fingerprint ?? '',
  };
}

function writeLink(isNew: boolean): void {
  clearTimeout(pause);
  const hash = `#${encodeLink(stateNow())}`;
  if (hash === location.hash) return;
  if (isNew) history.pushState(null, '', hash);
  else history.replaceState(null, '', hash);
}

/** What the URL says, when the trace is known. */
export function readLink(): void {
  const reply = page.trace.peek();
  if (reply === null) return;
  const state = decodeLink(location.hash);
  endErrand();
  stopGlide();
  clearTimeout(pause);
  const space = reply.spaces[state.space] === null ? otherSpace(state.space) : state.space;
  const known = reply.streams.some(({ stream }) => stream === state.stream);
  batch(() => {
    page.view.value = {
      ...page.view.peek(),
      space,
      stream: known ? state.stream : (reply.streams[0]?.stream ?? 0),
      colours: state.colours,
    };
    const extent = page.extent.peek();
    showRegion(clampRegion(state.region ?? wholeRegion(extent), extent));
    page.selected.value = state.selected;
    page.access.value = state.access;
    page.target.value = state.target;
    page.tab.value = state.tab;
    page.sql.value = state.sql;
    if (state.sql !== '') page.sqlRuns.value++;
    page.listScope.value = state.list;
    page.sideTab.value = state.side;
  });
  // A link that names an access and no region asks for the place of that access.
  const { access, region } = state;
  const isPlaceWanted = access !== null && region === null && page.isReady.peek();
  placeWanted.value = isPlaceWanted ? { ordinal: access } : null;
  if (state.trace !== '' && state.trace !== reply.fingerprint) {
    showProblem('link', `It may show other things in ${reply.file}.`);
  } else {
    closeProblem('link');
  }
}

function otherSpace(space: Space): Space {
  return space === 'virtual' ? 'physical' : 'virtual';
}

export function showSide(name: SideTab): void {
  page.sideTab.value = name;
  noteLink();
}

/** Tabs and the like: in the URL, but no entry of their own. */
export function noteLink(): void {
  writeLink(false);
}
