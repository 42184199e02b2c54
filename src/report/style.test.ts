// SPDX-License-Identifier: Apache-2.0
// That the page's colours serve people who do not see all of them, as src/viewer/colours.test.ts does for the viewer.

import { describe, expect, it } from 'vitest';
import {
  type Colour,
  colourTable,
  contrast,
  leastDistance,
  lightness,
  VISIONS,
} from '../base/colour-vision.oracle.ts';
import { chartData } from './charts.ts';
import { reportWith } from './report.oracle.ts';
import { PAGE_STYLE } from './style.ts';

const SELECTORS = { light: ':root', dark: ':root[data-theme="dark"]' } as const;

// CIEDE2000, whoever looks; 2 can just be seen side by side.
/** Kernel and user, in most charts. */
const KERNEL_FROM_USER = 20;
/** Any two colours of one chart, and good from bad, which are words too. */
const ANY = 12;
/** One access of a place from none. */
const GROUND = 11;
/** L* from the least to the most of the map of addresses. */
const RAMP = 55;
// WCAG 2.1, 1.4.3 and 1.4.11.
const TEXT = 4.5;
const GRAPHICS = 3;

/** Those of charts of many address spaces or vCPUs, and what is left of them in one. */
const SERIES = ['s0', 's1', 's2', 's3', 's4', 's5', 's7'];
const HEAT = ['h1', 'h2', 'h3', 'h4', 'h5'];

describe.each(['light', 'dark'] as const)('%s colours of a report', (theme) => {
  const colour = colourTable(PAGE_STYLE, SELECTORS[theme]);

  it('tell the series of each chart apart', () => {
    for (const [i, a] of SERIES.entries()) {
      expect.soft(contrast(colour(a), colour('card')), a).toBeGreaterThan(GRAPHICS);
      for (const b of SERIES.slice(i + 1)) {
        const least = leastDistance(colour(a), colour(b));
        expect.soft(least, `${a} ${b}`).toBeGreaterThanOrEqual(ANY);
      }
    }
    expect(leastDistance(colour('s0'), colour('s1'))).toBeGreaterThan(KERNEL_FROM_USER);
  });

  it('are those that charts ask for', () => {
    const { result } = reportWith('');
    const [one] = result.addressSpaces?.rows ?? [];
    if (one === undefined) throw new Error('no address space');
    const rows = Array.from({ length: 20 }, (_, i) => ({ ...one, number: i, accesses: 20 - i }));
    const { series } = chartData({ ...result, addressSpaces: { isolated: false, rows } });
    const used = series.flatMap((chart) => chart.series.map(({ colour: at }) => `s${at}`));
    expect([...new Set(used)].toSorted()).toEqual(SERIES);
  });

  it('go one way in lightness as counts rise, and tell one access from none', () => {
    const up = theme === 'dark' ? 1 : -1;
    for (const vision of VISIONS) {
      // Between two stops the page mixes them, channel by channel.
      const seen = HEAT.slice(1).flatMap((name, i) =>
        Array.from({ length: 16 }, (_, part) => {
          const [from, to] = [colour(HEAT[i] ?? ''), colour(name)];
          const [r = 0, g = 0, b = 0] = from.map((c, at) => c + ((to[at] ?? 0) - c) * (part / 15));
          const mixed: Colour = [r, g, b];
          return up * lightness(vision, mixed);
        }),
      );
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      expect((seen.at(-1) ?? 0) - (seen[0] ?? 0)).toBeGreaterThan(RAMP);
    }
    expect(leastDistance(colour('h1'), colour('page'))).toBeGreaterThan(GROUND);
  });

  it('tell good from bad', () => {
    expect(leastDistance(colour('good'), colour('bad'))).toBeGreaterThan(ANY);
  });

  it('contrast as text and graphics have to', () => {
    const texts: { readonly [name: string]: readonly string[] } = {
      ink: ['page', 'card', 'bar'],
      soft: ['page', 'card'],
      good: ['card', 'page'],
      bad: ['card', 'page'],
    };
    for (const [name, grounds] of Object.entries(texts)) {
      for (const under of grounds) {
        const value = contrast(colour(name), colour(under));
        expect.soft(value, `${name} on ${under}`).toBeGreaterThan(TEXT);
      }
    }
    for (const name of ['accent', 'edge']) {
      expect.soft(contrast(colour(name), colour('card')), name).toBeGreaterThan(GRAPHICS);
      expect.soft(contrast(colour(name), colour('page')), name).toBeGreaterThan(GRAPHICS);
    }
    const used = [...PAGE_STYLE.matchAll(/[\s;{]color: var\(--(\w+)\)/g)].map(
      ([, name = '']) => name,
    );
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((name) => texts[name] === undefined)).toEqual([]);
  });

  it('are in the tables and nowhere else', () => {
    const rules = PAGE_STYLE.slice(PAGE_STYLE.indexOf('* {'));
    expect(rules).not.toMatch(/#[\da-f]{3,6}\b|rgb|hsl/i);
  });
});
