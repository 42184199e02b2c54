// SPDX-License-Identifier: Apache-2.0
// What is under the pointer, and how fine the counts are that the map shows.

import { effect, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { formatBytes, formatCount, formatCountShort, formatQuantity } from '../base/index.ts';
import type { Space } from '../server/protocol.ts';
import { addressOfRank } from './address-book.ts';
import { findBand } from './band-layout.ts';
import { formatIcount, icountUnder, nameIcount } from './icounts.ts';
import { isExact } from './map-painter.ts';
import { scene } from './map-pane.tsx';
import { painted } from './map-scene.ts';
import { areShownSingly, nearAccessAt, nearRows } from './near-accesses.ts';
import { notice } from './notices.ts';
import * as page from './page-state.ts';
import { formatAddress } from './ticks.ts';
import { tracks } from './track-data.ts';

const pointedAddress = signal<string | null>(null);
const PAUSE_MS = 60;

async function lookUp(space: Space, rank: number, aborted: AbortSignal): Promise<void> {
  let address: string | null = null;
  try {
    address = await addressOfRank(space, rank, aborted);
  } catch {
    // The map itself says when the server is gone.
  }
  if (!aborted.aborted) pointedAddress.value = address;
}

let timer = 0;
let asking = new AbortController();
effect(() => {
  const rank = page.pointed.value?.rank ?? null;
  clearTimeout(timer);
  asking.abort();
  if (rank === null || rank < 0 || rank >= page.extent.peek().pages) {
    pointedAddress.value = null;
    return;
  }
  const { space } = page.view.peek();
  timer = window.setTimeout(() => {
    asking = new AbortController();
    void lookUp(space, rank, asking.signal);
  }, PAUSE_MS);
});

export function StatusLine(): JSX.Element {
  const map = painted.value;
  if (!page.isReady.value) return <footer class="status" />;
  return (
    <footer class="status">
      {notice.value === '' ? <Under /> : <span class="notice">{notice.value}</span>}
      <span class="space" />
      {areShownSingly.value ? <span>each access</span> : null}
      {map === null || isExact(map) ? (
        <span>exact counts</span>
      ) : (
        <span title="The map shows no detail that was not counted">
          {areShownSingly.value ? 'cells ' : ''}counted by {formatCountShort(map.timeStep)} accesses
          × {formatBytes(map.byteStep)}
        </span>
      )}
      <span class="span-size">
        {formatCountShort(page.view.value.to - page.view.value.from)} accesses ×{' '}
        {formatBytes((page.view.value.high - page.view.value.low) * 4096)} in view
      </span>
    </footer>
  );
}

function isDamagedAt(ordinal: number): boolean {
  const { stream } = page.view.peek();
  const damaged = page.trace.peek()?.damaged ?? [];
  return damaged.some((one) => one.stream === stream && ordinal >= one.from && ordinal < one.to);
}

function Under(): JSX.Element {
  const at = page.pointed.value;
  // What is under a pointer that stands still changes with them.
  void [painted.value, tracks.value, nearRows.value];
  if (at === null) return <span class="soft">Drag, wheel or W A S D to move; click to select</span>;
  const icount = icountUnder(at.ordinal);
  const cell = at.rank === null ? undefined : scene.current?.cellAt(at.ordinal, at.rank);
  const { rank } = at;
  const near = rank === null ? undefined : nearAccessAt(at.ordinal, rank);
  const band = rank === null ? undefined : findBand(page.spaceInfo.value?.bands ?? [], rank);
  return (
    <span class="under">
      <span>#{formatCount(Math.max(0, Math.floor(at.ordinal)))}</span>
      {icount === null ? null : (
        <span>
          {nameIcount(icount.vcpu, page.streamInfo.value?.vcpus ?? [])} {formatIcount(icount)}
        </span>
      )}
      {pointedAddress.value === null ? null : <code>{formatAddress(pointedAddress.value)}</code>}
      {band === undefined ? null : <span>{band.name}</span>}
      {near === undefined ? null : (
        <span>
          {near.row.kind} of {near.row.size} B, {near.row.place ?? ''}{' '}
          <code>{near.row.disassembly}</code>
        </span>
      )}
      {cell === undefined || near !== undefined ? null : (
        <span>
          {isDamagedAt(at.ordinal)
            ? 'damaged: not known'
            : `${formatQuantity(cell.loads, 'load')}, ${formatQuantity(cell.stores, 'store')}`}
        </span>
      )}
    </span>
  );
}
