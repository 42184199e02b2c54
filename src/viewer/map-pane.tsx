// SPDX-License-Identifier: Apache-2.0
// The map with its axes: canvases, their size, and what gestures do to the view.

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { selectCell, selectRegion, showAccess } from './actions.ts';
import { GUTTER_WIDTH } from './axis-painter.ts';
import { findBand } from './band-layout.ts';
import { attachGestures, type GestureHandlers, type Point } from './gestures.ts';
import { isShared } from './icounts.ts';
import { nearestUsedCell } from './map-cells.ts';
import { MapScene, painted } from './map-scene.ts';
import { moveBy } from './navigation.ts';
import { nearAccessAt } from './near-accesses.ts';
import * as page from './page-state.ts';
import { MAP_BACKGROUND } from './palette.ts';
import { formatAddress, formatLastAddress } from './ticks.ts';
import { ordinalOfX, panRegion, type Region, rankOfY, zoomRegion } from './view.ts';

/** The map that is on the page. */
export const scene: { current: MapScene | null } = { current: null };

const CLICK_REACH = 5;

export function MapPane(): JSX.Element {
  const surface = useRef<HTMLDivElement>(null);
  const gutterBox = useRef<HTMLDivElement>(null);
  const axisBox = useRef<HTMLDivElement>(null);
  const map = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const gutter = useRef<HTMLCanvasElement>(null);
  const timeAxis = useRef<HTMLCanvasElement>(null);
  const gutterNote = useSignal('');
  useEffect(() => {
    const boxes = [surface.current, gutterBox.current, axisBox.current] as const;
    const [mapBox, sideBox, lowerBox] = boxes;
    if (mapBox === null || sideBox === null || lowerBox === null) return undefined;
    if (map.current === null || overlay.current === null) return undefined;
    if (gutter.current === null || timeAxis.current === null) return undefined;
    const made = new MapScene({
      map: map.current,
      overlay: overlay.current,
      gutter: gutter.current,
      timeAxis: timeAxis.current,
    });
    scene.current = made;
    const watch = new ResizeObserver(() => {
      page.mapFrame.value = { width: mapBox.clientWidth, height: mapBox.clientHeight };
    });
    watch.observe(mapBox);
    const stops = [
      attachGestures(mapBox, handlersFor(made, true, true, 0)),
      attachGestures(sideBox, handlersFor(made, false, true, 0)),
      attachGestures(lowerBox, handlersFor(made, true, false, GUTTER_WIDTH)),
    ];
    return () => {
      for (const stop of stops) stop();
      watch.disconnect();
      made.stop();
      scene.current = null;
    };
  }, []);
  return (
    <>
      <div
        class="gutter"
        ref={gutterBox}
        title={gutterNote.value}
        onPointerMove={({ offsetY }) => {
          gutterNote.value = describeBandAt(offsetY);
        }}
      >
        <canvas ref={gutter} aria-hidden="true" />
      </div>
      <div
        class={page.brushMode.value ? 'map brushing' : 'map'}
        ref={surface}
        style={{ background: MAP_BACKGROUND[page.theme.value] }}
        id="map"
        role="application"
        tabIndex={0}
        aria-label="Map of memory accesses: time from left to right, addresses from below. W, A, S, D move; Enter selects what is in the middle; question mark lists all keys."
        aria-describedby="map-words"
      >
        <canvas ref={map} aria-hidden="true" />
        <canvas ref={overlay} aria-hidden="true" />
      </div>
      <div class="time-axis" ref={axisBox} title={timeAxisNote()}>
        <canvas ref={timeAxis} aria-hidden="true" />
      </div>
    </>
  );
}

/** Of the names beside the map some are cut, and small bands have none. */
function describeBandAt(y: number): string {
  const rank = rankOfY(page.view.peek(), page.mapFrame.peek(), y);
  const band = findBand(page.spaceInfo.peek()?.bands ?? [], rank);
  if (band === undefined) return '';
  return `${band.name}: ${formatAddress(band.lowAddress)} to ${formatLastAddress(band.highAddress)}`;
}

function timeAxisNote(): string {
  const vcpus = page.streamInfo.value?.vcpus ?? [];
  return isShared(vcpus)
    ? `Accesses of all vCPUs in one order; below, the instructions that vCPU ${vcpus[0]} alone had completed (icount)`
    : 'Accesses from the first on; below, the instructions that were completed (icount)';
}

/** Gestures on the map, on the axis of addresses (no time) or on what has time alone, beginning at `left`. */
export function handlersFor(
  made: MapScene | null,
  hasTime: boolean,
  hasRanks: boolean,
  left: number,
): GestureHandlers {
  const placeOf = (at: Point): { readonly ordinal: number; readonly rank: number } => ({
    ordinal: ordinalOfX(page.view.peek(), page.mapFrame.peek(), at.x - left),
    rank: rankOfY(page.view.peek(), page.mapFrame.peek(), at.y),
  });
  const regionOf = (from: Point, to: Point): Region => {
    const a = placeOf(from);
    const b = placeOf(to);
    const { pages } = page.extent.peek();
    return {
      from: Math.min(a.ordinal, b.ordinal),
      to: Math.max(a.ordinal, b.ordinal),
      low: hasRanks ? Math.min(a.rank, b.rank) : 0,
      high: hasRanks ? Math.max(a.rank, b.rank) : pages,
    };
  };
  return {
    pan(dx, dy) {
      const { width, height } = page.mapFrame.peek();
      moveBy((region) => panRegion(region, hasTime ? -dx / width : 0, hasRanks ? dy / height : 0));
    },
    zoom(factorX, factorY, at) {
      const { width, height } = page.mapFrame.peek();
      const atTime = Math.min(1, Math.max(0, (at.x - left) / width));
      const atRank = Math.min(1, Math.max(0, 1 - at.y / height));
      const byTime = hasTime ? (hasRanks ? factorX : Math.min(factorX, factorY)) : 1;
      moveBy((region) =>
        zoomRegion(region, byTime, hasRanks ? factorY : 1, atTime, hasRanks ? atRank : 0.5),
      );
    },
    point(at) {
      if (at === null || !hasTime || at.x < left) {
        page.pointed.value = null;
        return;
      }
      const { ordinal, rank } = placeOf(at);
      page.pointed.value = { ordinal, rank: hasRanks ? rank : null };
    },
    click(at) {
      if (made === null || !hasTime || !hasRanks) return;
      selectAt(made, placeOf(at).ordinal, placeOf(at).rank);
    },
    doubleClick(at) {
      this.zoom(0.25, 0.25, at);
    },
    brush(from, to, isDone) {
      page.brushing.value = isDone ? null : regionOf(from, to);
      if (isDone) selectRegion(regionOf(from, to));
    },
    takesWheel: (at) => at.x >= left,
    isBrush: (event) => hasTime && (event.shiftKey || page.brushMode.peek()),
  };
}

function selectAt(made: MapScene, ordinal: number, rank: number): void {
  const near = nearAccessAt(ordinal, rank);
  if (near !== undefined) {
    void showAccess(near.row.ordinal);
    return;
  }
  const cell = nearestUsedCell((o, r) => made.cellAt(o, r), ordinal, rank, CLICK_REACH);
  if (cell !== undefined) void selectCell(cell);
}

/** What Enter selects: the access nearest to the middle of the map. */
export function selectMiddle(): void {
  const made = scene.current;
  if (made === null || painted.peek() === null) return;
  const { from, to, low, high } = page.view.peek();
  const cell = nearestUsedCell((o, r) => made.cellAt(o, r), (from + to) / 2, (low + high) / 2, 60);
  if (cell !== undefined) void selectCell(cell);
}
