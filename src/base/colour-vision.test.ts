// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  ciede2000,
  contrast,
  distance,
  labOf,
  leastDistance,
  parseHex,
  seenWith,
  VISIONS,
} from './colour-vision.oracle.ts';

const WHITE = parseHex('#ffffff');
const BLACK = parseHex('#000000');

describe('the distance of colours', () => {
  // Sharma, Wu and Dalal 2005, Table 1; of those that test the branches for hues, and of colours that are far apart.
  it.each([
    [[50, 2.6772, -79.7751], [50, 0, -82.7485], 2.0425],
    [[50, -1.3802, -84.2814], [50, 0, -82.7485], 1],
    [[50, 0, 0], [50, -1, 2], 2.3669],
    [[50, 2.49, -0.001], [50, -2.49, 0.0011], 7.2195],
    [[50, -0.001, 2.49], [50, 0.0009, -2.49], 4.8045],
    [[50, 2.5, 0], [73, 25, -18], 27.1492],
    [[50, 2.5, 0], [58, 24, 15], 19.4535],
    [[50, 2.5, 0], [50, 3.2592, 0.335], 1],
    [[22.7233, 20.0904, -46.694], [23.0331, 14.973, -42.5619], 2.0373],
    [[2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082],
  ] as const)('is that of the published pairs: %j, %j', (a, b, published) => {
    expect(ciede2000(a, b)).toBeCloseTo(published, 4);
    expect(ciede2000(b, a)).toBeCloseTo(published, 4);
  });

  it('is measured between what sRGB stands for', () => {
    const [l, a, b] = labOf(parseHex('#ff0000'));
    expect([l, a, b].map((value) => Number(value.toFixed(1)))).toEqual([53.2, 80.1, 67.2]);
    expect(labOf(WHITE)[0]).toBeCloseTo(100, 3);
  });
});

describe('contrast', () => {
  it('is that of WCAG', () => {
    expect(contrast(WHITE, BLACK)).toBeCloseTo(21, 6);
    expect(contrast(parseHex('#767676'), WHITE)).toBeCloseTo(4.54, 2);
    expect(contrast(WHITE, WHITE)).toBe(1);
  });
});

describe('colours as they are seen', () => {
  it.each(VISIONS)('have their greys, %s', (vision) => {
    for (const grey of ['#000000', '#3c3c3c', '#808080', '#ffffff'].map(parseHex)) {
      for (const [i, channel] of seenWith(vision, grey).entries()) {
        expect(channel).toBeCloseTo(grey[i] ?? -1, 1);
      }
    }
  });

  it.each([
    ['protanopia', '#00a050', '#b46a3c'],
    ['deuteranopia', '#00b080', '#d08a80'],
    ['tritanopia', '#3a9fd8', '#2fa59b'],
  ] as const)('are confused by who lacks a cone, %s', (vision, a, b) => {
    const seen = distance(vision, parseHex(a), parseHex(b));
    expect(seen).toBeLessThan(distance('normal', parseHex(a), parseHex(b)) / 2);
    expect(leastDistance(parseHex(a), parseHex(b))).toBeLessThanOrEqual(seen);
  });
});
