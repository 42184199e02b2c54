// SPDX-License-Identifier: Apache-2.0
// From counts to colours. A count is coded in eight steps to the octave, so that loads and stores of a cell are two
// bytes and any colouring is one table of 65,536 colours: another maximum, theme or mode is another look-up, not
// another calculation. Pure.
//
// Ramps rise or fall in lightness all along, and loads and stores differ as yellow and blue do: both can be told by
// people who lack one kind of cone, which colours.test.ts measures.

import type { ColourMode } from './view.ts';

export type Theme = 'light' | 'dark';
export type Rgb = readonly [number, number, number];

const STEPS_PER_OCTAVE = 8;
const MOST_CODE = 255;
const TABLED = 4096;

function codeOf(count: number): number {
  if (count <= 0) return 0;
  return Math.min(MOST_CODE, 1 + Math.floor(Math.log2(count) * STEPS_PER_OCTAVE));
}

const CODES = Uint8Array.from({ length: TABLED }, (_, count) => codeOf(count));

/** 0 for no access, else 1 to 255 on a logarithmic scale. */
export function encodeCount(count: number): number {
  return count < TABLED ? (CODES[count] ?? 0) : codeOf(count);
}

/** The smallest count of a code. */
export function decodeCount(code: number): number {
  return code === 0 ? 0 : 2 ** ((code - 1) / STEPS_PER_OCTAVE);
}

/** Codes of all cells: loads in the upper byte, stores in the lower one. */
export function encodeCells(loads: Uint32Array, stores: Uint32Array): Uint16Array {
  const codes = new Uint16Array(loads.length);
  for (let i = 0; i < codes.length; i++) {
    const l = loads[i] ?? 0;
    const s = stores[i] ?? 0;
    if ((l | s) !== 0) codes[i] = (encodeCount(l) << 8) | encodeCount(s);
  }
  return codes;
}

/** The end of the scale: the next power of two, so that it stays while one moves about. */
export function scaleMaximum(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, count)));
}

const SUM: { readonly [T in Theme]: readonly Rgb[] } = {
  light: ramp('#c4dcef', '#8abfe2', '#3f8fc6', '#14538f', '#051b3b'),
  dark: ramp('#204672', '#256aa0', '#3f9abf', '#b5cd72', '#fff7b8'),
};
const LOADS: { readonly [T in Theme]: readonly Rgb[] } = {
  light: ramp('#efd98a', '#e2bb41', '#c79200', '#8a5f00', '#4d3300'),
  dark: ramp('#66520c', '#957a0d', '#c49d14', '#eec21f', '#ffec85'),
};
const STORES: { readonly [T in Theme]: readonly Rgb[] } = {
  light: ramp('#b5cff0', '#7aabea', '#2f7bd6', '#0c4a9c', '#062450'),
  dark: ramp('#1b4680', '#2263b5', '#2d7fe0', '#6fb0ff', '#c2deff'),
};

/** Where a cell without accesses shows through. */
export const MAP_BACKGROUND: { readonly [T in Theme]: string } = {
  light: '#ffffff',
  dark: '#0d1116',
};

/** Stripes where nothing is known. */
export const MAP_DAMAGED: { readonly [T in Theme]: string } = {
  light: '#b0714a',
  dark: '#8f5f46',
};

export function rampOf(mode: Exclude<ColourMode, 'split'>, theme: Theme): readonly Rgb[] {
  return { sum: SUM, loads: LOADS, stores: STORES }[mode][theme];
}

/** `t` from 0 to 1 along the stops. */
export function colourAt(stops: readonly Rgb[], t: number): Rgb {
  const at = Math.min(1, Math.max(0, t)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  return mix(stops[low] ?? BLACK, stops[low + 1] ?? BLACK, at - low);
}

/** 0 for one access, 1 for `maximum` and more. */
export function shadeOf(count: number, maximum: number): number {
  return maximum <= 1 ? 1 : Math.min(1, Math.max(0, Math.log(count) / Math.log(maximum)));
}

/** By codes of a cell (loads << 8 | stores), its colour as a pixel of ImageData; 0 where nothing is. */
export function createColourTable(mode: ColourMode, maximum: number, theme: Theme): Uint32Array {
  const table = new Uint32Array(65_536);
  for (let l = 0; l <= MOST_CODE; l++) {
    const loads = decodeCount(l);
    for (let s = 0; s <= MOST_CODE; s++) {
      const colour = colourOfCell(mode, maximum, theme, loads, decodeCount(s));
      if (colour !== undefined) table[(l << 8) | s] = pixelOf(colour);
    }
  }
  return table;
}

export function colourOfCell(
  mode: ColourMode,
  maximum: number,
  theme: Theme,
  loads: number,
  stores: number,
): Rgb | undefined {
  if (mode === 'split') {
    if (loads + stores === 0) return undefined;
    const t = shadeOf(loads + stores, maximum);
    const share = loads / (loads + stores);
    return mix(colourAt(STORES[theme], t), colourAt(LOADS[theme], t), share);
  }
  const count = mode === 'loads' ? loads : mode === 'stores' ? stores : loads + stores;
  return count === 0 ? undefined : colourAt(rampOf(mode, theme), shadeOf(count, maximum));
}

export function cssColour([r, g, b]: Rgb): string {
  return `rgb(${r} ${g} ${b})`;
}

const BLACK: Rgb = [0, 0, 0];

function mix(a: Rgb, b: Rgb, t: number): Rgb {
  return [
    Math.round(a[0] + (b[0] - a[0]) * t),
    Math.round(a[1] + (b[1] - a[1]) * t),
    Math.round(a[2] + (b[2] - a[2]) * t),
  ];
}

/** Red, green, blue, opaque in the order of bytes of ImageData, on a little-endian machine. */
function pixelOf([r, g, b]: Rgb): number {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

function ramp(...colours: readonly string[]): readonly Rgb[] {
  return colours.map((colour): Rgb => {
    const value = Number.parseInt(colour.slice(1), 16);
    return [value >> 16, (value >> 8) & 255, value & 255];
  });
}
