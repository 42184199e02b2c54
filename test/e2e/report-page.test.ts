// SPDX-License-Identifier: Apache-2.0
// The page of a report in a real browser, opened as a file: charts are drawn, nothing is fetched, nothing fails, and
// text that a trace brings stays text.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../src/cli/chromium.ts';
import { readPageAssets } from '../../src/cli/page-assets.ts';
import { renderPage } from '../../src/report/index.ts';
import { reportWith } from '../../src/report/report.oracle.ts';
import { makeFolder } from './run-loadstore.ts';

const HOSTILE = `</script><script>hit()</script><img src=x onerror="hit()"><a href="//example.com">`;
const ASSETS = new URL('../../dist/report-page/', import.meta.url);

interface Opened {
  readonly page: Page;
  /** What the browser complained of, and what it asked for beside the file. */
  readonly complaints: readonly string[];
}

describe('the page of a report', () => {
  const folder = makeFolder();
  const file = path.join(folder.path, 'report.html');
  let browser: Browser;

  beforeAll(async () => {
    writeFileSync(file, renderPage(reportWith(HOSTILE), await readPageAssets(ASSETS)));
    browser = await launchChromium(process.env['PATH'] ?? '');
  });
  afterAll(async () => {
    await browser.close();
    folder.remove();
  });

  async function open(colorScheme: 'light' | 'dark', width: number): Promise<Opened> {
    const page = await browser.newPage({ colorScheme, viewport: { width, height: 720 } });
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('dialog', (dialog) => {
      complaints.push(dialog.message());
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      if (request.url() !== pathToFileURL(file).href) complaints.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    return { page, complaints };
  }

  /** Of each canvas, how many different colours it shows. */
  async function colourCounts(page: Page): Promise<number[]> {
    // A string: it runs in the browser, whose types are not those of the tests.
    return page.evaluate(`[...document.querySelectorAll('canvas')].map((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const words = new Uint32Array(data.buffer);
      return new Set(words).size;
    })`);
  }

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
  ] as const)('draws every chart, %s, %i pixels wide', async (scheme, width) => {
    const { page, complaints } = await open(scheme, width);
    const counts = await colourCounts(page);
    expect(counts).toHaveLength(5);
    for (const count of counts) expect(count).toBeGreaterThan(4);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('is dark when the system is, or when it is told to be', async () => {
    const background = 'getComputedStyle(document.body).backgroundColor';
    const { page: dark } = await open('dark', 1280);
    const { page, complaints } = await open('light', 1280);
    const light = await page.evaluate(background);
    expect(await dark.evaluate(background)).not.toBe(light);
    await page.click('#theme');
    expect(await page.evaluate(background)).toBe(await dark.evaluate(background));
    expect((await colourCounts(page)).every((count) => count > 4)).toBe(true);
    await page.click('#theme');
    expect(await page.evaluate(background)).toBe(light);
    expect(complaints).toEqual([]);
    await Promise.all([page.close(), dark.close()]);
  });

  it('tells what is under the pointer', async () => {
    const { page } = await open('light', 1280);
    const canvas = page.locator('#heat canvas');
    await canvas.hover({ position: { x: 300, y: 1 } });
    const text = await page.textContent('#heat-readout');
    expect(text).toContain('0x1000 + 4.00 KiB');
    expect(text).toContain('300 loads, 200 stores');
    await page.locator('#rate .u-over').hover({ position: { x: 20, y: 60 } });
    expect(await page.textContent('#rate-legend')).toContain('kernel (CPL 0) 375');
    await page.close();
  });

  it('takes text of the trace for text', async () => {
    const { page, complaints } = await open('light', 1280);
    expect(await page.evaluate("document.querySelectorAll('img, a').length")).toBe(0);
    expect(await page.textContent('h1')).toContain('1,000 memory accesses');
    expect(await page.textContent('body')).toContain(HOSTILE);
    expect(complaints).toEqual([]);
    await page.close();
  });
});
