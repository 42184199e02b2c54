// SPDX-License-Identifier: Apache-2.0
// Addresses x time on a canvas: a row for each band of addresses, a column for each window, the darker (or in the
// dark the brighter) the more accesses, on a logarithmic scale.

import { formatCount, formatCountShort } from '../base/index.ts';
import type { HeatChart } from '../report/index.ts';
import { requireElement } from './elements.ts';
import type { DrawnChart } from './series-chart.ts';
import { themeColour } from './theme.ts';

const LABEL_WIDTH = 150;
const NARROW_LABEL_WIDTH = 84;
const NARROW = 600;
const AXIS_HEIGHT = 22;
const ROW_HEIGHT = 3;
const GAP_HEIGHT = 2;
const REGION_GAP = 8;
const LABEL_HEIGHT = 14;
const FONT = '12px system-ui, sans-serif';
const COLOUR_STOPS = ['h1', 'h2', 'h3', 'h4', 'h5'];

export function drawHeatMap(chart: HeatChart): DrawnChart {
  const place = requireElement(chart.id);
  const readout = requireElement(`${chart.id}-readout`);
  const canvas = place.querySelector('canvas');
  const context = canvas?.getContext('2d');
  if (canvas === null || context === null || context === undefined) {
    throw new Error('internal: no canvas for the map of addresses');
  }
  const counts = chart.rows.map(({ loads, stores }) =>
    loads.map((count, w) => count + (stores[w] ?? 0)),
  );
  const most = counts.reduce((max, row) => row.reduce((a, b) => Math.max(a, b), max), 1);
  const tops = layoutRows(chart);
  const height = tops.end + AXIS_HEIGHT;
  const redraw = (): void => {
    const width = place.clientWidth;
    const scale = devicePixelRatio;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.height = `${height}px`;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const frame = frameOf(width);
    drawCells(context, frame, counts, most, tops);
    drawRegions(context, chart, frame, tops);
    drawAxis(context, chart, frame, tops.end);
  };
  canvas.addEventListener('pointermove', (event) => {
    const text = describePlace(chart, frameOf(place.clientWidth), tops, event);
    if (text !== undefined) readout.textContent = text;
  });
  drawLegend(requireElement(`${chart.id}-legend`), most);
  redraw();
  return { redraw };
}

/** Where columns are, in CSS pixels. */
interface Frame {
  readonly left: number;
  readonly width: number;
}

function frameOf(width: number): Frame {
  const left = width < NARROW ? NARROW_LABEL_WIDTH : LABEL_WIDTH;
  return { left, width: Math.max(1, width - left - 1) };
}

interface RowPlaces {
  /** Of each row, its upper edge. */
  readonly top: readonly number[];
  readonly end: number;
}

/** Regions that are lower than their label get room for it. */
function layoutRows({ rows }: HeatChart): RowPlaces {
  const top: number[] = [];
  let y = 0;
  let regionTop = 0;
  rows.forEach(({ region, follows }, i) => {
    const before = rows[i - 1];
    if (before !== undefined && before.region !== region) {
      y = Math.max(y + REGION_GAP, regionTop + LABEL_HEIGHT + 2);
      regionTop = y;
    } else if (before !== undefined && !follows) {
      y += GAP_HEIGHT;
    }
    top.push(y);
    y += ROW_HEIGHT;
  });
  return { top, end: Math.max(y, regionTop + LABEL_HEIGHT) };
}

function drawCells(
  context: CanvasRenderingContext2D,
  { left, width }: Frame,
  counts: readonly (readonly number[])[],
  most: number,
  { top }: RowPlaces,
): void {
  const colours = createColours();
  const background = themeColour('page');
  counts.forEach((row, r) => {
    const y = top[r] ?? 0;
    context.fillStyle = background;
    context.fillRect(left, y, width, ROW_HEIGHT);
    row.forEach((count, w) => {
      if (count === 0) return;
      // Edges on whole pixels, so that neighbours leave no seam.
      const x = Math.round(left + (width * w) / row.length);
      const end = Math.round(left + (width * (w + 1)) / row.length);
      context.fillStyle = colours[shadeOf(count, most)] ?? background;
      context.fillRect(x, y, end - x, ROW_HEIGHT);
    });
  });
}

const SHADES = 64;

/** 0 for one access, SHADES - 1 for the most. */
function shadeOf(count: number, most: number): number {
  if (most <= 1) return SHADES - 1;
  return Math.round(((SHADES - 1) * Math.log(count)) / Math.log(most));
}

function createColours(): string[] {
  const stops = COLOUR_STOPS.map((name) => channelsOf(themeColour(name)));
  return Array.from({ length: SHADES }, (_, shade) => {
    const at = (shade / (SHADES - 1)) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(at));
    const mixed = (stops[low] ?? []).map((channel, c) =>
      Math.round(channel + ((stops[low + 1]?.[c] ?? 0) - channel) * (at - low)),
    );
    return `rgb(${mixed.join(' ')})`;
  });
}

/** "#d9ecf7" -> 217, 236, 247. */
function channelsOf(colour: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}

function drawRegions(
  context: CanvasRenderingContext2D,
  { rows }: HeatChart,
  { left }: Frame,
  { top }: RowPlaces,
): void {
  context.font = FONT;
  context.textBaseline = 'top';
  context.textAlign = 'right';
  rows.forEach(({ region }, i) => {
    if (rows[i - 1]?.region === region) return;
    const last = rows.findLastIndex((row) => row.region === region);
    context.fillStyle = themeColour('soft');
    context.fillText(region, left - 10, top[i] ?? 0, left - 12);
    context.fillStyle = themeColour('accent');
    context.fillRect(left - 5, top[i] ?? 0, 2, (top[last] ?? 0) + ROW_HEIGHT - (top[i] ?? 0));
  });
}

function drawAxis(
  context: CanvasRenderingContext2D,
  { x }: HeatChart,
  { left, width }: Frame,
  y: number,
): void {
  const begin = x[0] ?? 0;
  const span = (x.at(-1) ?? 1) - begin || 1;
  const step = tickStep(span, Math.max(2, Math.floor(width / 110)));
  context.textAlign = 'center';
  for (let at = Math.ceil(begin / step) * step; at <= begin + span; at += step) {
    const place = left + (width * (at - begin)) / span;
    context.fillStyle = themeColour('line');
    context.fillRect(Math.round(place), y, 1, 4);
    context.fillStyle = themeColour('soft');
    if (place < left + width - 24) context.fillText(formatCountShort(at), place, y + 7);
  }
}

/** 1, 2 or 5 times a power of ten. */
function tickStep(span: number, count: number): number {
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
}

function describePlace(
  { rows, x, unitText }: HeatChart,
  { left, width }: Frame,
  { top }: RowPlaces,
  event: PointerEvent,
): string | undefined {
  const r = top.findLastIndex((y) => y <= event.offsetY);
  const row = rows[r];
  const windows = x.length - 1;
  const w = Math.floor(((event.offsetX - left) / width) * windows);
  if (row === undefined || w < 0 || w >= windows) return undefined;
  const where = row.name === row.region ? row.region : `${row.region}, ${row.name}`;
  return [
    `${row.address} + ${unitText} (${where})`,
    `instructions ${formatCountShort(x[w] ?? 0)} to ${formatCountShort(x[w + 1] ?? 0)}`,
    `${formatCount(row.loads[w] ?? 0)} loads, ${formatCount(row.stores[w] ?? 0)} stores`,
  ].join(' · ');
}

function drawLegend(place: HTMLElement, most: number): void {
  const bar = document.createElement('span');
  bar.style.cssText = `flex: 0 1 220px; height: 11px; align-self: center; border-radius: 2px;
    background: linear-gradient(to right, ${COLOUR_STOPS.map((name) => `var(--${name})`).join(', ')})`;
  place.append('1 access', bar, `${formatCountShort(most)} in one place, logarithmic`);
}
