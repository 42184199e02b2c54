// SPDX-License-Identifier: Apache-2.0
// The viewer on traces of two vCPUs: one order and two sets of tracks, or two orders to choose from.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../src/cli/chromium.ts';
import type { Access, GuestRun } from '../../src/guests/index.ts';
import { focusMap } from './fake-viewer.ts';
import { recordGuestNamed } from './guest-sections.ts';
import { PLUGIN_IS_BUILT, qemuUnderTest, runLoadstore } from './run-loadstore.ts';
import { type RunningViewer, startViewer } from './running-viewer.ts';

const { version } = await qemuUnderTest();

interface Shown {
  readonly run: GuestRun;
  readonly page: Page;
  readonly complaints: readonly string[];
}

describe.skipIf(!PLUGIN_IS_BUILT)('the viewer on two vCPUs', () => {
  let browser: Browser;
  const ends: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    browser = await launchChromium(process.env['PATH'] ?? '');
  });
  afterAll(async () => {
    await browser.close();
    for (const end of ends) await end();
  });

  async function show(machine: string): Promise<Shown> {
    const run = await recordGuestNamed('smp', machine);
    const viewer: RunningViewer = await startViewer(run.outcome.file);
    ends.push(
      async () => viewer.stop(),
      async () => run.close(),
    );
    await viewer.settled();
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(viewer.url);
    await page.waitForSelector('.over-map', { state: 'detached' });
    await page.waitForSelector('.plot canvas');
    return { run, page, complaints };
  }

  const fact = async (page: Page, name: string): Promise<string> =>
    ((await page.textContent(`[data-fact="${name}"] dd`)) ?? '').replaceAll(/[,_]/g, '');

  async function expectAccess(page: Page, { stream, ordinal, vcpu, pc }: Access): Promise<void> {
    await page.evaluate(`location.hash = '#stream=${stream}&access=${ordinal}'`);
    await page.waitForSelector(`section[aria-label="Access ${ordinal}"] [data-fact="pc"]`);
    const shown = [await fact(page, 'vCPU'), await fact(page, 'pc')];
    expect(shown).toEqual([String(vcpu), `0x${pc.toString(16)}`]);
  }

  /** Of the last column, beside the tracks, against the accesses one by one. */
  async function expectWorkingSets(page: Page, run: GuestRun): Promise<void> {
    const map = await page.locator('.map canvas').first().boundingBox();
    if (map === null) throw new Error('no map');
    await page.mouse.move(map.x + map.width - 3, map.y + 10);
    const begin = Math.floor((run.accesses.length - 1) / 4096) * 4096;
    const pagesOf = (vcpus: readonly number[]): number => {
      const pages = run.accesses
        .filter(
          ({ vcpu, aborted, origin }) => vcpus.includes(vcpu) && !aborted && origin !== 'pageWalk',
        )
        .filter(({ ordinal }) => ordinal >= begin)
        .flatMap(({ vaddr, size }) => [vaddr >> 12n, (vaddr + BigInt(size) - 1n) >> 12n]);
      return new Set(pages).size;
    };
    expect(pagesOf([0])).not.toBe(pagesOf([1]));
    const said = page.locator('.track:has(b:text("Working set")) .value');
    await expect
      .poll(async () => said.allTextContents())
      .toEqual([[0], [1], [0, 1]].map((vcpus) => pagesOf(vcpus).toLocaleString('en')));
  }

  it('in one thread: one order, tracks of each, and whose access it is', async () => {
    const { run, page, complaints } = await show('');
    expect(await page.locator('select[aria-label="Stream of accesses"]').count()).toBe(0);
    const sections = page.locator('.tracks section');
    expect(await sections.locator('h3').allTextContents()).toEqual([
      ...['vCPU 0', 'vCPU 1', 'All vCPUs'],
    ]);
    expect(await sections.nth(1).locator('.plot canvas').count()).toBe(5);
    await expectWorkingSets(page, run);
    // More tracks than there is room for: the wheel scrolls over their names, and zooms over the plots.
    const names = await page.locator('.track-name').first().boundingBox();
    if (names === null) throw new Error('no track');
    await page.mouse.move(names.x + 20, names.y + 10);
    await page.mouse.wheel(0, 300);
    const scrolled = async (): Promise<unknown> =>
      page.evaluate("document.querySelector('.tracks').scrollTop");
    await expect.poll(scrolled).toBeGreaterThan(50);
    // That there are more is said, until the last of them is seen.
    expect(await page.locator('.more-below').count()).toBe(1);
    await page.mouse.wheel(0, 3000);
    await page.waitForSelector('.more-below', { state: 'detached' });
    expect(page.url()).not.toContain('from=');
    await page.mouse.move(names.x + names.width + 100, names.y + 10);
    await page.mouse.wheel(0, -300);
    await page.waitForURL(/from=/);
    for (const vcpu of [0, 1]) {
      const mine = run.accesses.filter((access) => access.vcpu === vcpu && !access.aborted);
      const middle = mine[Math.floor(mine.length / 2)];
      if (middle === undefined) throw new Error(`vCPU ${vcpu} did nothing`);
      await expectAccess(page, middle);
    }
    // A number of instructions is of each vCPU.
    await page.fill('#find', 'icount:100');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#found [role="option"]:has-text("vCPU 1")');
    await page.click('#found [role="option"]:has-text("vCPU 1")');
    const reached = run.accesses.find(({ vcpu, icount }) => vcpu === 1 && icount >= 100);
    if (reached === undefined) throw new Error('vCPU 1 did too little');
    await page.waitForSelector(`section[aria-label="Access ${reached.ordinal}"]`);
    await expectWhoseIcount(page, reached);
    await expectFilled(page);
    expect(complaints).toEqual([]);
    await page.close();
  });

  /** Of an access in view of the vCPU that the axis is not of. */
  async function expectWhoseIcount(page: Page, { ordinal, vcpu, icount }: Access): Promise<void> {
    const own = `${icount.toLocaleString('en')} of vCPU ${vcpu}`;
    await page.waitForSelector(`[data-fact="icount"] dd:text-is("${own}")`);
    expect(await page.getAttribute('.time-axis', 'title')).toContain('that vCPU 0 alone');
    const map = await page.locator('.map canvas').first().boundingBox();
    if (map === null) throw new Error('no map');
    await page.waitForURL(/from=/);
    const query = new URLSearchParams(new URL(page.url()).hash.slice(1));
    const [from, to] = [Number(query.get('from')), Number(query.get('to'))];
    await page.mouse.move(map.x + (map.width * (ordinal + 0.5 - from)) / (to - from), map.y + 5);
    const said = `icount of vCPU ${vcpu} ${icount.toLocaleString('en')}`;
    await page.waitForSelector(`.under:has-text("#${ordinal.toLocaleString('en')}")`);
    await page.waitForSelector(`.under span:text-is("${said}")`);
  }

  /** On a large screen the tracks fill the pane: none is out of sight, and none is hardly to be seen. */
  async function expectFilled(page: Page): Promise<void> {
    await page.setViewportSize({ width: 3840, height: 2160 });
    const tracks = page.locator('.track .plot canvas');
    const heights = async (): Promise<number[]> =>
      Promise.all((await tracks.all()).map(async (one) => (await one.boundingBox())?.height ?? 0));
    await expect.poll(async () => Math.min(...(await heights()))).toBeGreaterThan(50);
    await page.waitForSelector('.more-below', { state: 'detached' });
    const [panel, last] = [
      await page.locator('.tracks').boundingBox(),
      await tracks.last().boundingBox(),
    ];
    if (panel === null || last === null) throw new Error('no tracks');
    const below = panel.y + panel.height - (last.y + last.height);
    expect(below).toBeGreaterThanOrEqual(0);
    expect(below).toBeLessThan((await tracks.count()) + 4);
  }

  it.skipIf(version.major < 10)(
    'in a thread each: one of two orders, in the link too',
    async () => {
      const { run, page, complaints } = await show('multi');
      const choice = page.locator('select[aria-label="Stream of accesses"]');
      const names = await choice.locator('option').allTextContents();
      expect(names).toEqual(['vCPU 0', 'vCPU 1']);
      expect(await page.getAttribute('.time-axis', 'title')).not.toContain('vCPU');
      const counts = [0, 1].map((stream) => run.accesses.filter((a) => a.stream === stream).length);
      const ofVcpus = [0, 1].map((stream) => run.accesses.find((a) => a.stream === stream)?.vcpu);
      expect(ofVcpus).toEqual([0, 1]);
      await page.waitForURL(/#|$/);
      await choice.selectOption('1');
      await page.waitForURL(/stream=1/);
      const query = new URLSearchParams(new URL(page.url()).hash.slice(1));
      expect([query.get('from'), query.get('to')]).toEqual(['0', String(counts[1])]);
      await page.click('#tab-list');
      await page.waitForSelector(
        `.list-count:has-text("${(counts[1] ?? 0).toLocaleString('en')}")`,
      );
      const first = run.accesses.find((access) => access.stream === 1);
      if (first === undefined) throw new Error('the second stream is empty');
      await page.click('.row[data-ordinal="0"]');
      await page.waitForSelector('[data-fact="pc"]');
      expect(await fact(page, 'vCPU')).toBe('1');
      expect(await fact(page, 'pc')).toBe(`0x${first.pc.toString(16)}`);
      await page.goBack();
      await page.goBack();
      await page.waitForURL((url) => !url.hash.includes('stream=1'));
      expect(await choice.inputValue()).toBe('0');
      for (const stream of [1, 0]) {
        const mine = run.accesses.filter((access) => access.stream === stream && !access.aborted);
        const middle = mine[Math.floor(mine.length / 2)];
        if (middle === undefined) throw new Error(`stream ${stream} is empty`);
        await expectAccess(page, middle);
        expect(await choice.inputValue()).toBe(String(stream));
      }
      // On the command line an order is that of its vCPU.
      await page.evaluate("location.hash = '#stream=1'");
      await expect.poll(async () => choice.inputValue()).toBe('1');
      await focusMap(page);
      await page.keyboard.press('r');
      await page.waitForSelector('.summary .command code');
      const [, verb, ...words] = (await page.innerText('.summary .command code')).split(' ');
      expect(verb).toBe('hot');
      expect(words.join(' ')).toContain(`--to ${counts[1]} --vcpu 1`);
      const { out } = await runLoadstore('counts', ...words, '--json');
      const { result } = JSON.parse(out) as { result: { accesses: number } };
      const figure = await page.innerText('.summary .figures dd');
      expect(Number(figure.replaceAll(',', ''))).toBe(result.accesses);
      expect(result.accesses).toBe(counts[1]);
      expect(complaints).toEqual([]);
      await page.close();
    },
  );
});
