// SPDX-License-Identifier: Apache-2.0
// Canvases as sharp as the screen.

import type { Frame } from './view.ts';

/** Sets the size in device pixels and, unless `raw`, the unit to CSS pixels. */
export function fitCanvas(
  canvas: HTMLCanvasElement,
  { width, height }: Frame,
  pixelRatio: number,
  raw = false,
): CanvasRenderingContext2D {
  const deviceWidth = Math.max(1, Math.round(width * pixelRatio));
  const deviceHeight = Math.max(1, Math.round(height * pixelRatio));
  if (canvas.width !== deviceWidth) canvas.width = deviceWidth;
  if (canvas.height !== deviceHeight) canvas.height = deviceHeight;
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('internal: no canvas to draw on');
  if (!raw) context.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
  return context;
}

/** Value of a custom property: "line" for --line. */
export function themeColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
