// SPDX-License-Identifier: Apache-2.0
// The whole state of the page as the hash of its URL and back. Numbers are written so that reading gives the same
// double. What a hash does not say stays as it is by default; what it says wrongly is left out. Pure.

import type { Space } from '../server/protocol.ts';
import { COLOUR_MODES, type ColourMode, type Region } from './view.ts';

/** The bytes whose accesses j and k walk along. */
export interface Target {
  readonly space: Space;
  readonly address: string;
  readonly bytes: number;
  readonly rank: number;
}

export type LowerTab = 'tracks' | 'list' | 'query';
export const LOWER_TABS: readonly LowerTab[] = ['tracks', 'list', 'query'];

export type SideTab = 'start' | 'selection';
const SIDE_TABS: readonly SideTab[] = ['start', 'selection'];

/** What the list of accesses is of. */
export type ListScope = 'selection' | 'view' | 'all';
export const LIST_SCOPES: readonly ListScope[] = ['selection', 'view', 'all'];

export interface LinkState {
  readonly space: Space;
  readonly stream: number;
  /** Null: all there is. */
  readonly region: Region | null;
  readonly colours: ColourMode;
  /** A window that was brushed, or the cell that was clicked. */
  readonly selected: Region | null;
  /** Ordinal of the access that is shown. */
  readonly access: number | null;
  readonly target: Target | null;
  readonly tab: LowerTab;
  readonly list: ListScope;
  /** Left out, it is what is selected, if anything is. */
  readonly side: SideTab;
  readonly sql: string;
  /** Fingerprint of the trace that the link was made for. */
  readonly trace: string;
}

export const DEFAULT_STATE: LinkState = {
  space: 'virtual',
  stream: 0,
  region: null,
  colours: 'sum',
  selected: null,
  access: null,
  target: null,
  tab: 'tracks',
  list: 'selection',
  side: 'start',
  sql: '',
  trace: '',
};

export function encodeLink(state: LinkState): string {
  const parts = new URLSearchParams();
  if (state.trace !== '') parts.set('trace', state.trace);
  parts.set('space', state.space);
  if (state.stream !== 0) parts.set('stream', String(state.stream));
  if (state.region !== null) {
    for (const name of REGION_NAMES) parts.set(name, String(state.region[name]));
  }
  if (state.colours !== DEFAULT_STATE.colours) parts.set('colours', state.colours);
  if (state.selected !== null) {
    const { selected } = state;
    parts.set('select', REGION_NAMES.map((name) => String(selected[name])).join(','));
  }
  if (state.access !== null) parts.set('access', String(state.access));
  if (state.target !== null) {
    const { space, address, bytes, rank } = state.target;
    parts.set('target', [space, address, bytes, rank].join(','));
  }
  if (state.tab !== DEFAULT_STATE.tab) parts.set('tab', state.tab);
  if (state.list !== DEFAULT_STATE.list) parts.set('list', state.list);
  if (state.side !== usualSide(state)) parts.set('side', state.side);
  if (state.sql !== '') parts.set('sql', state.sql);
  return parts.toString();
}

function usualSide({ selected, access }: Pick<LinkState, 'selected' | 'access'>): SideTab {
  return selected !== null || access !== null ? 'selection' : 'start';
}

const REGION_NAMES = ['from', 'to', 'low', 'high'] as const;

/** `hash` with or without its "#". */
export function decodeLink(hash: string): LinkState {
  const parts = new URLSearchParams(hash.replace(/^#/, ''));
  const text = (name: string): string => parts.get(name) ?? '';
  const selected = regionFrom(text('select').split(','));
  const access = wholeNumber(text('access'));
  return {
    space: oneOf(text('space'), ['virtual', 'physical'], DEFAULT_STATE.space),
    stream: wholeNumber(text('stream')) ?? DEFAULT_STATE.stream,
    region: regionFrom(REGION_NAMES.map(text)),
    colours: oneOf(text('colours'), COLOUR_MODES, DEFAULT_STATE.colours),
    selected,
    access,
    target: targetFrom(text('target')),
    tab: oneOf(text('tab'), LOWER_TABS, DEFAULT_STATE.tab),
    list: oneOf(text('list'), LIST_SCOPES, DEFAULT_STATE.list),
    side: oneOf(text('side'), SIDE_TABS, usualSide({ selected, access })),
    sql: text('sql'),
    trace: text('trace'),
  };
}

function oneOf<T extends string>(text: string, choices: readonly T[], otherwise: T): T {
  return choices.find((choice) => choice === text) ?? otherwise;
}

function numberFrom(text: string): number | null {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

function wholeNumber(text: string): number | null {
  const value = numberFrom(text);
  return value !== null && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function regionFrom(texts: readonly string[]): Region | null {
  const [from, to, low, high] = texts.map(numberFrom);
  if (from === null || to === null || low === null || high === null) return null;
  if (from === undefined || to === undefined || low === undefined || high === undefined)
    return null;
  return from < to && low < high && from >= 0 && low >= 0 ? { from, to, low, high } : null;
}

function targetFrom(text: string): Target | null {
  const [space, address = '', bytesText = '', rankText = ''] = text.split(',');
  const bytes = wholeNumber(bytesText);
  const rank = numberFrom(rankText);
  if (space !== 'virtual' && space !== 'physical') return null;
  if (!/^0x[0-9a-f]{1,16}$/i.test(address) || bytes === null || bytes < 1 || rank === null)
    return null;
  return { space, address, bytes, rank };
}
