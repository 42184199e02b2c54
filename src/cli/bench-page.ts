// SPDX-License-Identifier: Apache-2.0
// How the viewer's page feels: opened in Chromium, zoomed, dragged and moved by held keys.

import type { Browser, Page } from 'playwright-core';
import { ExitCode, UserError } from '../base/index.ts';

export interface PageFigures {
  /** From the begin of the navigation until the map is drawn. */
  readonly pageReadyMs: number;
  /** The lowest median of the gestures. */
  readonly framesPerSecond: number;
  /** JavaScript objects and the buffers behind them, after the gestures, garbage and all. */
  readonly browserHeapBytes: number;
}

const VIEWPORT = { width: 1280, height: 720 };
const READY_PATIENCE_MS = 60_000;
/** Of each gesture. */
const GESTURE_MS = 2000;
/** Between two events of a pointer. */
const EVENT_MS = 16;
const WHEEL_STEP = 60;
/** An empty map has fewer colours. */
const DRAWN_COLOURS = 4;

/** Runs in the page before its own script: looks at each frame until the map has colours. */
const WATCH_MAP = `(() => {
  const sample = new OffscreenCanvas(128, 64).getContext('2d', { willReadFrequently: true });
  sample.imageSmoothingEnabled = false;
  const look = () => {
    const canvas = document.querySelector('.map canvas');
    if (canvas !== null && canvas.width > 0 && document.querySelector('.over-map') === null) {
      sample.clearRect(0, 0, 128, 64);
      sample.drawImage(canvas, 0, 0, 128, 64);
      const { data } = sample.getImageData(0, 0, 128, 64);
      if (new Set(new Uint32Array(data.buffer)).size >= ${DRAWN_COLOURS}) {
        globalThis.mapDrawnMs = performance.now();
        return;
      }
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()`;

const WATCH_FRAMES = `(() => {
  globalThis.frameTimes = [];
  const count = (now) => {
    globalThis.frameTimes.push(now);
    requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
})()`;

/** Throws UserError 'environment' when the map is not drawn within a minute. */
export async function measurePage(browser: Browser, url: string): Promise<PageFigures> {
  const page = await browser.newPage({ viewport: VIEWPORT });
  try {
    await page.addInitScript(WATCH_MAP);
    await page.goto(url);
    const pageReadyMs = await mapDrawn(page);
    const framesPerSecond = await lowestFrameRate(page);
    return { pageReadyMs, framesPerSecond, browserHeapBytes: await heapBytes(page) };
  } finally {
    await page.close();
  }
}

async function mapDrawn(page: Page): Promise<number> {
  const endMs = performance.now() + READY_PATIENCE_MS;
  while (performance.now() < endMs) {
    const drawnMs: unknown = await page.evaluate('globalThis.mapDrawnMs');
    if (typeof drawnMs === 'number') return drawnMs;
    await page.waitForTimeout(50);
  }
  throw new UserError(ExitCode.environment, 'the page drew no map within a minute');
}

async function lowestFrameRate(page: Page): Promise<number> {
  const map = await page.locator('#map').boundingBox();
  if (map === null) throw new UserError(ExitCode.environment, 'the page has no map');
  const middle = { x: map.x + map.width / 2, y: map.y + map.height / 2 };
  await page.evaluate(WATCH_FRAMES);
  await page.mouse.move(middle.x, middle.y);
  await page.focus('#map');
  const zoom = (step: number): Promise<number> =>
    frameRate(page, async () => page.mouse.wheel(0, step));
  const held = async (key: string): Promise<number> => {
    await page.keyboard.down(key);
    const rate = await frameRate(page, async () => undefined);
    await page.keyboard.up(key);
    return rate;
  };
  const rates = [await zoom(-WHEEL_STEP)];
  await page.mouse.down();
  let angle = 0;
  const drag = async (): Promise<void> => {
    angle += 0.1;
    const { x, y } = middle;
    await page.mouse.move(x + 200 * Math.sin(angle), y + 100 * Math.sin(2 * angle));
  };
  rates.push(await frameRate(page, drag));
  await page.mouse.up();
  for (const key of ['d', 'w', 'a']) rates.push(await held(key));
  rates.push(await zoom(WHEEL_STEP));
  return Math.min(...rates);
}

/** While `act` is done again and again. */
async function frameRate(page: Page, act: () => Promise<void>): Promise<number> {
  await page.evaluate('globalThis.frameTimes.length = 0');
  const endMs = performance.now() + GESTURE_MS;
  while (performance.now() < endMs) {
    await act();
    await page.waitForTimeout(EVENT_MS);
  }
  const times: unknown = await page.evaluate('globalThis.frameTimes');
  return medianRate(Array.isArray(times) ? times.map(Number) : []);
}

/** Frames in a second by the median of what lies between two; 0 when there are no two. */
export function medianRate(frameTimesMs: readonly number[]): number {
  const gaps = frameTimesMs.slice(1).map((time, i) => time - (frameTimesMs[i] ?? time));
  const median = gaps.toSorted((a, b) => a - b)[gaps.length >> 1];
  return median === undefined ? 0 : 1000 / median;
}

async function heapBytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  const usage: object = await session.send('Runtime.getHeapUsage');
  const kinds = new Set(['usedSize', 'embedderHeapUsedSize', 'backingStorageSize']);
  return Object.entries(usage)
    .filter(([kind]) => kinds.has(kind))
    .reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}
