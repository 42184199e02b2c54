// SPDX-License-Identifier: Apache-2.0
// That the page's colours serve people who do not see all of them: from the tables that the page itself uses, style.css
// and palette.ts. What is measured, and how, is in ../base/colour-vision.oracle.ts and docs/viewer.md.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type Colour,
  colourTable,
  contrast,
  distance,
  leastDistance,
  lightness,
  over,
  parseHex,
  VISIONS,
} from '../base/colour-vision.oracle.ts';
import { POINTER_ALPHA } from './overlay-painter.ts';
import {
  colourAt,
  colourOfCell,
  MAP_BACKGROUND,
  MAP_DAMAGED,
  rampOf,
  type Theme,
} from './palette.ts';
import { TRACK_KINDS } from './track-kinds.ts';

const CSS = readFileSync(new URL('style.css', import.meta.url), 'utf8');
const SELECTORS = { light: ':root', dark: ':root[data-theme="dark"]' } as const;

// CIEDE2000, whoever looks; 2 can just be seen side by side.
/** Loads and stores, the page's main distinction. */
const LOADS_FROM_STORES = 25;
/** Series of one track, and a marker or its casing from what is under it. */
const SERIES = 20;
/** Any two of the eight colours of bands and address spaces, whose names stand beside them, and of degrees of completeness. */
const ANY = 12;
/** One access of a cell from none. */
const GROUND = 11;
/** L* from the least to the most of a ramp. */
const RAMP = 55;
// WCAG 2.1, 1.4.3 and 1.4.11.
const TEXT = 4.5;
const GRAPHICS = 3;

const STEPS = Array.from({ length: 64 }, (_, i) => i / 63);
const RAMPS = ['sum', 'loads', 'stores'] as const;

function pairs<T>(all: readonly T[]): (readonly [T, T])[] {
  return all.flatMap((a, i) => all.slice(i + 1).map((b) => [a, b] as const));
}

/** --veil: rgb(11 95 165 / 14%) */
function veilOf(selector: string): { readonly colour: Colour; readonly alpha: number } {
  const rule = CSS.slice(CSS.indexOf(`${selector} {`));
  const found = /--veil: rgb\((\d+) (\d+) (\d+) \/ (\d+)%\)/.exec(rule)?.slice(1).map(Number);
  const [r = NaN, g = NaN, b = NaN, percent = NaN] = found ?? [];
  return { colour: [r, g, b], alpha: percent / 100 };
}

describe.each(['light', 'dark'] as const)('%s colours', (theme: Theme) => {
  const colour = colourTable(CSS, SELECTORS[theme]);
  const ground = parseHex(MAP_BACKGROUND[theme]);
  const eight = Array.from({ length: 8 }, (_, i) => colour(`s${i}`));
  const cells = STEPS.flatMap((t) => [
    ...RAMPS.map((name) => colourAt(rampOf(name, theme), t)),
    ...[0.25, 0.5, 0.75].map((share) => {
      const count = 2 ** (16 * t);
      const mixed = colourOfCell('split', 2 ** 16, theme, share * count, (1 - share) * count);
      return mixed ?? ground;
    }),
  ]);
  const fills = [colour('load-fill'), colour('store-fill')];

  it('tell loads from stores: cells of as many, single accesses, words of the list', () => {
    const veil = veilOf(SELECTORS[theme]);
    for (const t of STEPS) {
      const loads = colourAt(rampOf('loads', theme), t);
      const stores = colourAt(rampOf('stores', theme), t);
      expect(leastDistance(loads, stores)).toBeGreaterThan(LOADS_FROM_STORES);
      const selected = [loads, stores].map((one) => over(veil.colour, veil.alpha, one));
      expect(leastDistance(selected[0] ?? ground, selected[1] ?? ground)).toBeGreaterThan(SERIES);
    }
    expect(leastDistance(colour('load-fill'), colour('store-fill'))).toBeGreaterThan(
      LOADS_FROM_STORES,
    );
    expect(leastDistance(colour('load'), colour('store'))).toBeGreaterThan(LOADS_FROM_STORES);
  });

  it.each(TRACK_KINDS.map((kind) => [kind.name, kind] as const))(
    'tell the series of a track apart: %s',
    (_, { series }) => {
      const used = series.map(({ colour: number }) => colour(`s${number}`));
      for (const one of used) {
        expect(contrast(one, colour('card'))).toBeGreaterThan(GRAPHICS);
        expect(leastDistance(one, colour('card'))).toBeGreaterThan(SERIES);
      }
      for (const [a, b] of pairs(used)) expect(leastDistance(a, b)).toBeGreaterThan(SERIES);
    },
  );

  it('tell bands and address spaces apart, and from what they lie on', () => {
    for (const [a, b] of pairs(eight)) expect(leastDistance(a, b)).toBeGreaterThanOrEqual(ANY);
    for (const one of eight) {
      expect(contrast(one, colour('page'))).toBeGreaterThan(GRAPHICS);
      expect(contrast(one, colour('card'))).toBeGreaterThan(GRAPHICS);
    }
  });

  it('tell degrees of completeness apart', () => {
    for (const [a, b] of pairs(['good', 'partial', 'bad'].map(colour))) {
      expect(leastDistance(a, b)).toBeGreaterThan(ANY);
    }
  });

  it.each(RAMPS)('go one way in lightness as counts rise, whoever looks: %s', (name) => {
    for (const vision of VISIONS) {
      const up = theme === 'dark' ? 1 : -1;
      const seen = STEPS.map((t) => up * lightness(vision, colourAt(rampOf(name, theme), t)));
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      expect((seen.at(-1) ?? 0) - (seen[0] ?? 0)).toBeGreaterThan(RAMP);
    }
  });

  it.each(RAMPS)('tell one access from none: %s', (name) => {
    expect(leastDistance(colourAt(rampOf(name, theme), 0), ground)).toBeGreaterThan(GROUND);
    expect(contrast(colourAt(rampOf(name, theme), 1), ground)).toBeGreaterThan(7);
  });

  it('show what is selected on every colour of the map', () => {
    const marker = colour('accent');
    expect(contrast(marker, ground)).toBeGreaterThan(GRAPHICS);
    for (const under of [...cells, ...fills, ground]) {
      for (const vision of VISIONS) {
        const most = Math.max(distance(vision, marker, under), distance(vision, ground, under));
        expect(most).toBeGreaterThan(SERIES);
      }
    }
  });

  it('contrast as graphics have to', () => {
    const pointer = over(colour('ink'), POINTER_ALPHA, ground);
    const tracksPointer = over(colour('ink'), POINTER_ALPHA, colour('card'));
    const shown: readonly (readonly [string, Colour, Colour])[] = [
      ...fills.map((fill) => ['one access', fill, ground] as const),
      ['stripes of what is damaged', parseHex(MAP_DAMAGED[theme]), ground],
      ['pointer on the map', pointer, ground],
      ['pointer on tracks', tracksPointer, colour('card')],
      ...['page', 'card', 'raised', 'hover', 'bad-soft'].flatMap((under) => [
        [`focus on ${under}`, colour('accent'), colour(under)] as const,
        [`edge of a control on ${under}`, colour('edge'), colour(under)] as const,
      ]),
    ];
    for (const [what, a, b] of shown) {
      expect.soft(contrast(a, b), what).toBeGreaterThan(GRAPHICS);
    }
  });

  // Everything that style.css gives a colour to, and all that it lies on.
  const TEXTS: { readonly [name: string]: readonly string[] } = {
    ink: ['page', 'card', 'raised', 'hover', 'accent-soft', 'bad-soft'],
    soft: ['page', 'card', 'raised', 'hover', 'accent-soft'],
    accent: ['card', 'raised', 'hover', 'accent-soft'],
    load: ['card', 'hover', 'accent-soft'],
    store: ['card', 'hover', 'accent-soft'],
    good: ['card'],
    partial: ['card'],
    bad: ['card', 'bad-soft'],
    'load-ink': ['load-fill'],
    'store-ink': ['store-fill'],
  };

  it.each(Object.entries(TEXTS))('contrast as text has to: %s', (name, grounds) => {
    for (const under of grounds) {
      expect.soft(contrast(colour(name), colour(under)), under).toBeGreaterThan(TEXT);
    }
  });

  it('are measured, all that text has', () => {
    const used = [...CSS.matchAll(/[\s;]color: var\(--([\w-]+)\)/g)].map(([, name = '']) => name);
    expect(used.length).toBeGreaterThan(20);
    expect(used.filter((name) => TEXTS[name] === undefined)).toEqual([]);
  });
});

describe('colours of the page', () => {
  it('are in the two tables and nowhere else', () => {
    const rules = CSS.slice(CSS.indexOf('* {'));
    // Shadows and what a dialog lies on are black.
    expect(rules.replaceAll(/rgb\(0 0 0 \/ \d+%\)/g, '')).not.toMatch(/#[0-9a-f]{3,8}\b|rgb|hsl/i);
    const folder = new URL('.', import.meta.url);
    const sources = readdirSync(folder).filter(
      (name) => /\.tsx?$/.test(name) && !/\.test\.ts$|^palette\.ts$/.test(name),
    );
    expect(sources.length).toBeGreaterThan(40);
    for (const name of sources) {
      const text = readFileSync(new URL(name, folder), 'utf8');
      expect.soft(text.match(/'#(?:[\da-f]{3}|[\da-f]{6})'|rgba?\(\d|hsl\(/gi), name).toBeNull();
    }
  });
});
