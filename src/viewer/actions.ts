// SPDX-License-Identifier: Apache-2.0
// What a reader does: select, follow an address, go to what was found.

import { effect } from '@preact/signals';
import { formatCount } from '../base/index.ts';
import {
  type AccessReply,
  type FindReply,
  PAGE_BYTES,
  type Space,
  type WindowQuery,
} from '../server/protocol.ts';
import { addressOfRank } from './address-book.ts';
import { api, type NeighbourQuery } from './api-client.ts';
import { beginErrand, type Errand, endErrand, keepMapFromSearch } from './errand.ts';
import type { CellUnder } from './map-cells.ts';
import { jump, placeWanted, regionShowing } from './navigation.ts';
import { clearNotice, tell } from './notices.ts';
import * as page from './page-state.ts';
import { reportProblem } from './problems.ts';
import { formatAddress } from './ticks.ts';
import { type Region, zoomRegion } from './view.ts';
import type { Target } from './view-link.ts';

/** j and k follow no more than that. */
const MOST_TARGET_BYTES = 1 << 20;

/** Whole ordinals, whole bytes. */
export function snapRegion({ from, to, low, high }: Region): Region {
  const first = Math.floor(from + 1e-9);
  const bottom = Math.floor(low * PAGE_BYTES + 1e-6);
  return {
    from: first,
    to: Math.max(first + 1, Math.ceil(to - 1e-9)),
    low: bottom / PAGE_BYTES,
    high: Math.max(bottom + 1, Math.ceil(high * PAGE_BYTES - 1e-6)) / PAGE_BYTES,
  };
}

function selectWindow(region: Region, target: Target | null): void {
  page.sideTab.value = 'selection';
  jump({ selected: region, access: null, target });
  const { from, to } = region;
  page.announcement.value = `Selected accesses ${formatCount(from)} to ${formatCount(to - 1)}`;
}

/** A brushed window. */
export function selectRegion(region: Region): void {
  const { accesses, pages } = page.extent.peek();
  const within = {
    from: Math.max(0, region.from),
    to: Math.min(accesses, region.to),
    low: Math.max(0, region.low),
    high: Math.min(pages, region.high),
  };
  if (within.to <= within.from || within.high <= within.low) return;
  endErrand();
  selectWindow(snapRegion(within), null);
}

/** A clicked cell: one access when there is one, else the window of the cell; its bytes are what j and k follow. */
export async function selectCell(cell: CellUnder): Promise<void> {
  const { signal } = beginErrand('place');
  const { space } = page.view.peek();
  const region = snapRegion(cell.region);
  const isAccess =
    cell.timeStep === 1 && region.to - region.from === 1 && cell.loads + cell.stores > 0;
  if (isAccess) {
    await showAccess(region.from);
    return;
  }
  selectWindow(region, null);
  try {
    const address = await addressOfRank(space, region.low, signal);
    const bytes = Math.min(MOST_TARGET_BYTES, Math.round((region.high - region.low) * PAGE_BYTES));
    jump({ target: { space, address, bytes, rank: region.low } }, false);
  } catch (error) {
    reportProblem(error);
  }
}

export function clearSelection(): void {
  endErrand();
  jump({ selected: null, access: null, target: null });
  page.announcement.value = 'Nothing is selected';
}

/** The rank of an address in the space that is shown; null when the trace never was there. */
async function findRank(
  space: Space,
  address: string,
  signal?: AbortSignal,
): Promise<number | null> {
  const { stream } = page.view.peek();
  const { places } = await api.find({ q: address, stream }, signal);
  return places.find((place) => place.space === space)?.rank ?? null;
}

interface Showing {
  /** What j and k follow stays; else it is what the access touched. */
  readonly keepTarget?: boolean;
  readonly movesMap?: boolean;
}

/** Shows one access and where it is. False: the map is not to be moved there any more. */
export async function showAccess(
  ordinal: number,
  { keepTarget = false, movesMap = true }: Showing = {},
): Promise<boolean> {
  const errand = beginErrand('place', movesMap);
  const { signal } = errand;
  const { stream, space } = page.view.peek();
  const placed = (rank: number | null): { readonly region?: Region } =>
    errand.movesMap() ? { region: regionShowing(ordinal + 0.5, rank) } : {};
  page.sideTab.value = 'selection';
  const kept = keepTarget ? page.target.peek() : null;
  jump({ access: ordinal, ...placed(kept?.rank ?? null) });
  if (kept !== null) {
    page.announcement.value = `Access ${formatCount(ordinal)}`;
    return true;
  }
  try {
    const { access } = await api.access({ stream, ordinal }, signal);
    const address = space === 'virtual' ? access.vaddr : access.paddr;
    const rank = address === null ? null : await findRank(space, address, signal);
    page.announcement.value = `Access ${formatCount(ordinal)}: ${access.kind} of ${access.size} bytes at ${address ?? 'an unknown address'}`;
    if (address !== null && rank !== null) {
      const target = { space, address, bytes: access.size, rank };
      jump({ target, ...placed(rank) }, false);
    }
  } catch (error) {
    reportProblem(error);
  }
  return errand.movesMap();
}

/** What was searched for; where the reader has moved the map meanwhile, beside it. */
async function showFound(ordinal: number, errand: Errand, keepTarget = false): Promise<void> {
  const movesMap = errand.movesMap();
  const shown = showAccess(ordinal, { keepTarget, movesMap });
  if (!movesMap) tell(`Access #${formatCount(ordinal)} was found; f zooms to it`);
  await shown;
}

/** j and k. */
export async function followTarget(direction: 'next' | 'previous'): Promise<void> {
  const target = page.target.peek();
  if (target === null) {
    tell('Select an address first: click on the map, or find one');
    return;
  }
  const errand = beginErrand('search');
  const { stream } = page.view.peek();
  const { space, address, bytes } = target;
  const window = page.selected.peek();
  const begin =
    direction === 'next' ? (window?.from ?? 0) - 1 : (window?.to ?? page.extent.peek().accesses);
  const ordinal = page.access.peek() ?? Math.max(0, begin);
  try {
    const question = { stream, ordinal, space, address, bytes, direction };
    const found = await search(question, errand.signal);
    if (found !== null) await showFound(found, errand, true);
  } catch (error) {
    reportProblem(error);
  }
}

/** The nearest access, however long it takes; null: there is none, and that is said. */
async function search(question: NeighbourQuery, signal: AbortSignal): Promise<number | null> {
  page.isSearching.value = true;
  const found = await searchOn(question, signal).finally(() => {
    page.isSearching.value = false;
    clearNotice();
  });
  if (found === null) {
    tell(`There is no ${question.direction} access to ${formatAddress(question.address)}`);
  }
  return found;
}

async function searchOn(question: NeighbourQuery, signal: AbortSignal): Promise<number | null> {
  const { ordinal, complete, searched } = await api.neighbour(question, signal);
  if (ordinal !== null || complete) return ordinal;
  tell(`Searching at access ${formatCount(searched)}; Esc ends it`);
  return searchOn({ ...question, ordinal: searched }, signal);
}

/** Esc, while there is a search: what is selected stays. */
export function endSearch(): void {
  endErrand();
}

/** Close to an access, wherever it is in the trace: what a link that names no region asks for. */
async function closeTo(ordinal: number): Promise<void> {
  if (await showAccess(ordinal)) zoomToSelected(false);
}

/** Returns what stops it. */
export function followWantedPlaces(): () => void {
  return effect(() => {
    const wanted = placeWanted.value;
    if (wanted !== null) void closeTo(wanted.ordinal);
  });
}

type Unit = 'bytes' | 'line' | 'page';
const UNIT_BYTES: { readonly [U in Unit]: number } = { bytes: 1, line: 64, page: PAGE_BYTES };

/** For the nearest other access to the bytes, the line or the page of one, in memory as its neighbours are. */
export function neighbourQuestion(
  { access, neighbourSpace: space }: AccessReply,
  of: Unit,
  direction: 'next' | 'previous',
): NeighbourQuery | null {
  const known = space === 'virtual' ? access.vaddr : access.paddr;
  if (known === null) return null;
  const { stream } = page.view.peek();
  const { address, bytes } = wholeUnits(BigInt(known), access.size, UNIT_BYTES[of]);
  return { stream, ordinal: access.ordinal, space, address, bytes, direction };
}

/** Goes there, however far it is. */
export async function followMemory(question: NeighbourQuery): Promise<void> {
  const errand = beginErrand('search');
  try {
    const found = await search(question, errand.signal);
    if (found !== null) await showFound(found, errand);
  } catch (error) {
    reportProblem(error);
  }
}

/** The units that the bytes are in. */
function wholeUnits(
  first: bigint,
  size: number,
  unit: number,
): { readonly address: string; readonly bytes: number } {
  const offset = Number(first % BigInt(unit));
  return {
    address: `0x${(first - BigInt(offset)).toString(16)}`,
    bytes: Math.ceil((offset + size) / unit) * unit,
  };
}

export function step(by: number): void {
  const { from, to } = page.view.peek();
  const at = page.access.peek() ?? Math.floor((from + to) / 2) - by;
  const last = page.extent.peek().accesses - 1;
  if (last >= 0) void showAccess(Math.min(last, Math.max(0, at + by)));
}

type Place = FindReply['places'][number];

/** Close enough to see single accesses of the found bytes. */
export function goTo(place: Place): void {
  const { space, ordinal, rank, address, bytes } = place;
  const now = page.view.peek();
  const size = bytes ?? 1;
  const time = ordinal === null ? null : { from: ordinal - 60, to: ordinal + 140 };
  const height = Math.max(64, size * 4) / PAGE_BYTES;
  const ranks =
    rank === null
      ? null
      : {
          low: rank + size / PAGE_BYTES / 2 - height / 2,
          high: rank + size / PAGE_BYTES / 2 + height / 2,
        };
  endErrand();
  page.sideTab.value = 'selection';
  jump({
    space,
    region: { from: now.from, to: now.to, low: now.low, high: now.high, ...time, ...ranks },
    selected: null,
    access: ordinal,
    target: address === null || rank === null ? null : { space, address, bytes: size, rank },
  });
  if (ordinal !== null && address === null) void showAccess(ordinal);
}

/** f */
export function zoomToSelection(): void {
  keepMapFromSearch();
  zoomToSelected(true);
}

/** `isNew`: as an entry of the history of its own. */
function zoomToSelected(isNew: boolean): void {
  const selected = page.selected.peek();
  const access = page.access.peek();
  const target = page.target.peek();
  if (access !== null) {
    const { low, high } = page.view.peek();
    const rank = target?.rank ?? (low + high) / 2;
    const bytes = Math.max(32, 4 * (target?.bytes ?? 0)) / PAGE_BYTES;
    const region = { from: access - 8, to: access + 9, low: rank - bytes / 2, high: rank + bytes };
    jump({ region }, isNew);
  } else if (selected !== null) {
    jump({ region: zoomRegion(selected, 1.3, 1.3) }, isNew);
  }
}

/** Its rows are in the lower pane. */
export function runSql(sql: string): void {
  jump({ sql, tab: 'query' });
  page.sqlRuns.value++;
}

/** The window as questions take it: whole pages of ranks as addresses. */
export async function windowQuery(region: Region, signal: AbortSignal): Promise<WindowQuery> {
  const { space, stream } = page.view.peek();
  const { pages } = page.extent.peek();
  const time = { stream, from: region.from, to: region.to };
  if (region.low <= 0 && region.high >= pages) return time;
  const lastByte = (Math.ceil(region.high * PAGE_BYTES) - 1) / PAGE_BYTES;
  const [lowAddress, last] = await Promise.all([
    addressOfRank(space, region.low, signal),
    addressOfRank(space, Math.min(lastByte, pages - 1 / PAGE_BYTES), signal),
  ]);
  return { ...time, space, lowAddress, highAddress: `0x${(BigInt(last) + 1n).toString(16)}` };
}
