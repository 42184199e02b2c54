// SPDX-License-Identifier: Apache-2.0
// How colours look to people who see all of them and to those who lack one kind of cone, how far apart two colours are
// then, and how they contrast. Slow and by the book, for tests of what pages are drawn with.

/** Red, green, blue of sRGB, 0 to 255 each. */
export type Colour = readonly [number, number, number];

export const VISIONS = ['normal', 'protanopia', 'deuteranopia', 'tritanopia'] as const;
export type Vision = (typeof VISIONS)[number];

type Matrix = readonly [Colour, Colour, Colour];

/**
 * G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, "A Physiologically-based Model for Simulation of Color Vision
 * Deficiency", IEEE Transactions on Visualization and Computer Graphics 15 (6), 2009: the authors' matrices for severity
 * 1.0, which take linear RGB.
 */
const MACHADO: { readonly [V in Vision]: Matrix } = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** "#0b5fa5". Throws for another notation. */
export function parseHex(text: string): Colour {
  const digits = /^#([0-9a-f]{6})$/i.exec(text)?.[1];
  if (digits === undefined) throw new Error(`not a colour: ${text}`);
  const value = Number.parseInt(digits, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** The custom properties of the first rule of a style sheet that begins with those words: `colour('ink')` is its --ink. */
export function colourTable(css: string, selector: string): (name: string) => Colour {
  const begin = css.indexOf(`${selector} {`);
  if (begin < 0) throw new Error(`no rule ${selector}`);
  const rule = css.slice(begin, css.indexOf('}', begin));
  return (name) => {
    const value = new RegExp(`--${name}: *([^;]+);`).exec(rule)?.[1];
    if (value === undefined) throw new Error(`${selector} has no --${name}`);
    return parseHex(value);
  };
}

/** IEC 61966-2-1: sRGB to linear light, 0 to 1. */
function linear(channel: number): number {
  const c = channel / 255;
  return c <= 0.040_45 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

function gamma(light: number): number {
  const c = Math.min(1, Math.max(0, light));
  return 255 * (c <= 0.003_130_8 ? c * 12.92 : 1.055 * c ** (1 / 2.4) - 0.055);
}

function times(rows: Matrix, [x, y, z]: Colour): Colour {
  const [a, b, c] = rows.map((row) => row[0] * x + row[1] * y + row[2] * z);
  return [a ?? 0, b ?? 0, c ?? 0];
}

/** A colour as somebody sees it who has that vision; channels are no whole numbers. */
export function seenWith(vision: Vision, [r, g, b]: Colour): Colour {
  const [lr, lg, lb] = times(MACHADO[vision], [linear(r), linear(g), linear(b)]);
  return [gamma(lr), gamma(lg), gamma(lb)];
}

/** What lies over an opaque ground with `alpha`, 0 to 1, as browsers mix it. */
export function over(top: Colour, alpha: number, ground: Colour): Colour {
  const mixed = (a: number, b: number): number => a * alpha + b * (1 - alpha);
  return [mixed(top[0], ground[0]), mixed(top[1], ground[1]), mixed(top[2], ground[2])];
}

/** WCAG 2.1, "relative luminance". */
function luminance([r, g, b]: Colour): number {
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

/** WCAG 2.1, "contrast ratio": 1 to 21. */
export function contrast(a: Colour, b: Colour): number {
  const [high, low] = [Math.max(luminance(a), luminance(b)), Math.min(luminance(a), luminance(b))];
  return (high + 0.05) / (low + 0.05);
}

export type Lab = readonly [number, number, number];

const SRGB_TO_XYZ: Matrix = [
  [0.412_456_4, 0.357_576_1, 0.180_437_5],
  [0.212_672_9, 0.715_152_2, 0.072_175],
  [0.019_333_9, 0.119_192, 0.950_304_1],
];
const D65: Colour = [0.950_47, 1, 1.088_83];

/** CIE 1976 L*a*b* under D65. */
export function labOf([r, g, b]: Colour): Lab {
  const xyz = times(SRGB_TO_XYZ, [linear(r), linear(g), linear(b)]);
  const [x = 0, y = 0, z = 0] = xyz.map((value, i) => {
    const t = value / (D65[i] ?? 1);
    return t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29;
  });
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const DEGREE = Math.PI / 180;

function hue(a: number, b: number): number {
  return a === 0 && b === 0 ? 0 : (Math.atan2(b, a) / DEGREE + 360) % 360;
}

/**
 * CIEDE2000 with kL = kC = kH = 1; some 2 can just be seen side by side. G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000
 * Color-Difference Formula", Color Research and Application 30 (1), 2005, equations 2 to 22.
 */
export function ciede2000([l1, a1, b1]: Lab, [l2, a2, b2]: Lab): number {
  const seventh = ((Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2) ** 7;
  const g = 0.5 * (1 - Math.sqrt(seventh / (seventh + 25 ** 7)));
  const [c1, c2] = [Math.hypot((1 + g) * a1, b1), Math.hypot((1 + g) * a2, b2)];
  const [h1, h2] = [hue((1 + g) * a1, b1), hue((1 + g) * a2, b2)];
  const isGrey = c1 * c2 === 0;
  const turn = h2 - h1;
  const dh = isGrey ? 0 : turn > 180 ? turn - 360 : turn < -180 ? turn + 360 : turn;
  const deltaH = 2 * Math.sqrt(c1 * c2) * Math.sin((dh / 2) * DEGREE);
  const [l, c] = [(l1 + l2) / 2, (c1 + c2) / 2];
  const sum = h1 + h2;
  const h = isGrey ? sum : Math.abs(turn) <= 180 ? sum / 2 : (sum + (sum < 360 ? 360 : -360)) / 2;
  const cos = (degrees: number): number => Math.cos(degrees * DEGREE);
  const t =
    1 - 0.17 * cos(h - 30) + 0.24 * cos(2 * h) + 0.32 * cos(3 * h + 6) - 0.2 * cos(4 * h - 63);
  const sl = 1 + (0.015 * (l - 50) ** 2) / Math.sqrt(20 + (l - 50) ** 2);
  const sc = 1 + 0.045 * c;
  const sh = 1 + 0.015 * c * t;
  const rc = 2 * Math.sqrt(c ** 7 / (c ** 7 + 25 ** 7));
  const rt = -rc * Math.sin(60 * Math.exp(-(((h - 275) / 25) ** 2)) * DEGREE);
  const [dl, dc, dH] = [(l2 - l1) / sl, (c2 - c1) / sc, deltaH / sh];
  return Math.sqrt(dl ** 2 + dc ** 2 + dH ** 2 + rt * dc * dH);
}

/** CIEDE2000 of two colours as they are seen. */
export function distance(vision: Vision, a: Colour, b: Colour): number {
  return ciede2000(labOf(seenWith(vision, a)), labOf(seenWith(vision, b)));
}

/** The least distance of two colours among all visions. */
export function leastDistance(a: Colour, b: Colour): number {
  return Math.min(...VISIONS.map((vision) => distance(vision, a, b)));
}

/** L* as it is seen, 0 to 100. */
export function lightness(vision: Vision, colour: Colour): number {
  return labOf(seenWith(vision, colour))[0];
}
