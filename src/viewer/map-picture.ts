// SPDX-License-Identifier: Apache-2.0
// The map as it is seen, with its axes and its scale of colours, as PNG or SVG.

import { formatCount, formatCountShort } from '../base/index.ts';
import { GUTTER_WIDTH, TIME_AXIS_HEIGHT } from './axis-painter.ts';
import { canvasColours } from './colours.ts';
import { painted } from './map-scene.ts';
import { areShownSingly } from './near-accesses.ts';
import * as page from './page-state.ts';
import { colourAt, cssColour, rampOf } from './palette.ts';
import { baseName } from './save-file.ts';

const HEAD_HEIGHT = 46;
const MARGIN = 12;
const LEGEND_WIDTH = 180;
const STOPS = 24;

interface Part {
  readonly canvas: HTMLCanvasElement;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly parts: readonly Part[];
  readonly title: string;
  readonly subtitle: string;
}

function layOut(): Picture {
  const { width, height } = page.mapFrame.peek();
  const find = (selector: string): HTMLCanvasElement[] => [
    ...document.querySelectorAll<HTMLCanvasElement>(selector),
  ];
  const left = MARGIN + GUTTER_WIDTH;
  const parts = [
    ...find('.gutter canvas').map((canvas) => ({
      canvas,
      x: MARGIN,
      y: HEAD_HEIGHT,
      width: GUTTER_WIDTH,
      height,
    })),
    ...find('.map canvas').map((canvas) => ({ canvas, x: left, y: HEAD_HEIGHT, width, height })),
    ...find('.time-axis canvas').map((canvas) => ({
      canvas,
      x: MARGIN,
      y: HEAD_HEIGHT + height,
      width: GUTTER_WIDTH + width,
      height: TIME_AXIS_HEIGHT,
    })),
  ];
  const { from, to, space, colours } = page.view.peek();
  const most = formatCountShort(painted.peek()?.maximum ?? 1);
  // Single accesses are yellow or blue.
  const shown = colours === 'sum' && areShownSingly.peek() ? 'split' : colours;
  const what = {
    sum: 'loads and stores',
    split: 'loads (yellow) and stores (blue)',
    loads: 'loads',
    stores: 'stores',
  };
  return {
    width: left + width + MARGIN,
    height: HEAD_HEIGHT + height + TIME_AXIS_HEIGHT + MARGIN,
    parts,
    title: baseName(page.trace.peek()?.file ?? ''),
    subtitle: `${space} memory, ${what[shown]}, accesses ${formatCount(Math.floor(from))} to ${formatCount(Math.ceil(to))}; colour: 1 to ${most} a cell, log`,
  };
}

export async function mapAsPng(): Promise<Blob> {
  const { width, height, parts, title, subtitle } = layOut();
  const ratio = devicePixelRatio;
  const canvas = new OffscreenCanvas(Math.round(width * ratio), Math.round(height * ratio));
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('internal: no canvas to draw on');
  const colours = canvasColours.peek();
  context.scale(ratio, ratio);
  context.fillStyle = colours.card;
  context.fillRect(0, 0, width, height);
  for (const { canvas: part, x, y, width: w, height: h } of parts)
    context.drawImage(part, x, y, w, h);
  context.fillStyle = colours.ink;
  context.font = '600 14px system-ui, sans-serif';
  context.fillText(title, MARGIN, 20);
  context.fillStyle = colours.soft;
  context.font = '12px system-ui, sans-serif';
  context.fillText(subtitle, MARGIN, 37);
  legendStops().forEach((colour, i) => {
    context.fillStyle = colour;
    const step = LEGEND_WIDTH / STOPS;
    context.fillRect(width - MARGIN - LEGEND_WIDTH + i * step, 10, step + 0.5, 10);
  });
  return canvas.convertToBlob({ type: 'image/png' });
}

function legendStops(): string[] {
  const { colours } = page.view.peek();
  const stops = rampOf(colours === 'split' ? 'sum' : colours, page.theme.peek());
  if (colours === 'split') return [];
  return Array.from({ length: STOPS }, (_, i) => cssColour(colourAt(stops, i / (STOPS - 1))));
}

/** Cells and axes as images, words as words. */
export function mapAsSvg(): Blob {
  const { width, height, parts, title, subtitle } = layOut();
  const colours = canvasColours.peek();
  const images = parts.map(
    ({ canvas, x, y, width: w, height: h }) =>
      `<image x="${x}" y="${y}" width="${w}" height="${h}" style="image-rendering:pixelated" href="${canvas.toDataURL('image/png')}"/>`,
  );
  const step = LEGEND_WIDTH / STOPS;
  const legend = legendStops().map(
    (colour, i) =>
      `<rect x="${width - MARGIN - LEGEND_WIDTH + i * step}" y="10" width="${step + 0.5}" height="10" fill="${colour}"/>`,
  );
  const text = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif">`,
    `<rect width="100%" height="100%" fill="${colours.card}"/>`,
    ...images,
    ...legend,
    `<text x="${MARGIN}" y="20" font-size="14" font-weight="600" fill="${colours.ink}">${escapeText(title)}</text>`,
    `<text x="${MARGIN}" y="37" font-size="12" fill="${colours.soft}">${escapeText(subtitle)}</text>`,
    '</svg>',
  ].join('\n');
  return new Blob([text], { type: 'image/svg+xml' });
}

function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
