// SPDX-License-Identifier: Apache-2.0
// The viewer's page in a real browser, before a server whose trace is made up and whose failures are wanted.

import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { FAKE_PAGES, fakeAccess, fakeAddress, fakeIcount } from '../fakes/viewer-accesses.ts';
import { LONELY_ACCESS } from '../fakes/viewer-server.ts';
import { ACCESSES, change, fakeViewer, focusMap, picture, viewOf } from './fake-viewer.ts';
import { mapColours } from './map-picture.ts';

/** What stands at the left of the map. */
async function gutter(page: Page): Promise<unknown> {
  return page.evaluate("document.querySelector('.gutter canvas').toDataURL()");
}

describe("the viewer's page", () => {
  const { start, open } = fakeViewer();

  it.each(['light', 'dark'] as const)(
    'draws the whole trace, %s, with nothing from elsewhere',
    async (scheme) => {
      const { page, complaints } = await open('', { colorScheme: scheme });
      await picture(page);
      expect(await mapColours(page)).toBeGreaterThan(10);
      expect(await page.textContent('.start')).toContain('1.05 M');
      expect(await page.textContent('.start')).toContain('accessed and dirty bits that were set');
      expect(await page.textContent('.start')).toContain('none: start with --symbols');
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(1280);
      expect(await page.locator('.plot canvas').count()).toBe(5);
      await page.waitForTimeout(300);
      expect(complaints).toEqual([]);
      await page.close();
    },
  );

  it('is closed to what its policy forbids', async () => {
    const { page, complaints } = await open();
    await page.evaluate(
      `document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.hit = 1">')`,
    );
    await page.waitForTimeout(200);
    expect(await page.evaluate('window.hit')).toBeUndefined();
    expect(complaints.join()).toContain('Content Security Policy');
    await page.close();
  });

  it('zooms with the wheel where the pointer is, down to one access', async () => {
    const { page } = await open();
    await picture(page);
    const map = await page.locator('#map').boundingBox();
    if (map === null) throw new Error('no map');
    await page.mouse.move(map.x + map.width / 2, map.y + 10);
    await change(page, async () => page.mouse.wheel(0, -600));
    const near = viewOf(page);
    expect((near.from + near.to) / 2).toBeCloseTo(ACCESSES / 2, -3.5);
    expect(near.high).toBeGreaterThan(FAKE_PAGES * 0.97);
    for (let i = 0; i < 60; i++) await page.mouse.wheel(0, -600);
    await page.waitForTimeout(600);
    const { from, to, low, high } = viewOf(page);
    expect(to - from).toBe(2);
    expect(high - low).toBe(16 / 4096);
    expect(Math.abs((from + to) / 2 - ACCESSES / 2)).toBeLessThan(ACCESSES / 500);
    await page.close();
  });

  it('shows the access that is clicked, with what is known of it', async () => {
    const ordinal = 1000;
    const { rank, isStore } = fakeAccess(ordinal, ACCESSES);
    const hash = `#from=${ordinal - 10}&to=${ordinal + 11}&low=${rank - 16 / 4096}&high=${rank + 24 / 4096}`;
    const { page, complaints } = await open(hash);
    await page.waitForTimeout(600);
    const map = await page.locator('#map').boundingBox();
    if (map === null) throw new Error('no map');
    await page.mouse.click(map.x + map.width / 2, map.y + map.height / 2);
    await page.waitForSelector('[data-testid="access-facts"]');
    const fact = async (name: string): Promise<string> =>
      (await page.textContent(`[data-fact="${name}"] dd`)) ?? '';
    expect((await fact('Virtual')).replaceAll('_', '')).toBe(fakeAddress(rank));
    expect(await fact('Kind')).toContain(isStore ? 'store' : 'load');
    expect((await fact('icount')).replaceAll(',', '')).toBe(String(fakeIcount(ordinal)));
    expect(await page.textContent('[aria-live]')).toContain(`Access 1,000`);
    await page.click('.neighbours button:has-text("›") >> nth=0');
    await page.waitForSelector('h2:has-text("Access #1,009")');
    await page.goBack();
    await page.waitForSelector('h2:has-text("Access #1,000")');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('says of single accesses what their colours are, and what is under a pointer that stands still', async () => {
    const ordinal = 1000;
    const { rank } = fakeAccess(ordinal, ACCESSES);
    const region = `low=${rank - 16 / 4096}&high=${rank + 24 / 4096}`;
    const { page } = await open(`#from=${ordinal - 10}&to=${ordinal + 11}&${region}`);
    await page.waitForSelector('.legend:has-text("each access")');
    expect(await page.textContent('.legend')).toContain('loadsstores');
    const map = await page.locator('#map').boundingBox();
    if (map === null) throw new Error('no map');
    await page.mouse.move(map.x + map.width / 2, map.y + map.height / 2);
    const icountOf = (at: number): string => `icount ${fakeIcount(at).toLocaleString('en')}`;
    await page.waitForSelector(`.under:has-text("${icountOf(ordinal)}")`);
    expect(await page.textContent('.under')).not.toContain('≈');
    await page.evaluate(`location.hash = '#from=${ordinal + 990}&to=${ordinal + 1011}&${region}'`);
    await page.waitForSelector('.under:has-text("#2,000")');
    await page.waitForSelector(`.under:has-text("${icountOf(ordinal + 1000)}")`);
    await page.close();
  });

  it('marks no single access in a view that it came too late for', async () => {
    const overlay = async (page: Page): Promise<string> =>
      String(await page.evaluate("document.querySelector('.map canvas:nth-child(2)').toDataURL()"));
    const { rank } = fakeAccess(1000, ACCESSES);
    const near = `#from=990&to=1011&low=${Math.floor(rank)}&high=${Math.floor(rank) + 1}`;
    const far = `#from=0&to=4000&low=${Math.floor(rank) - 2}&high=${Math.floor(rank) + 3}`;
    const { page, server } = await open(near);
    await page.waitForSelector('.legend:has-text("each access")');
    const marked = await overlay(page);
    const { page: fresh } = await open(far, { server });
    await picture(fresh);
    const plain = await overlay(fresh);
    expect(marked).not.toBe(plain);
    let answer = (): void => undefined;
    const wanted = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { page: late } = await open(near, {
      server,
      prepare: async (one) => {
        await one.route(/api\/accesses/, async (route) => {
          await wanted;
          // A page that gave the question up is answered nothing.
          await route.continue().catch(() => undefined);
        });
      },
    });
    await late.waitForRequest(/api\/accesses/);
    await late.evaluate(`location.hash = '${far}'`);
    await picture(late);
    answer();
    await late.waitForTimeout(400);
    expect(await overlay(late)).toBe(plain);
    await Promise.all([page.close(), fresh.close(), late.close()]);
  });

  it('reopens a link exactly', async () => {
    const { page, server } = await open('#from=1000&to=90000&low=100&high=300.5&colours=split');
    await picture(page);
    const map = await page.locator('#map').boundingBox();
    if (map === null) throw new Error('no map');
    await page.keyboard.down('Shift');
    await page.mouse.move(map.x + 200, map.y + 60);
    await page.mouse.down();
    await page.mouse.move(map.x + 420, map.y + 160, { steps: 4 });
    await change(page, async () => page.mouse.up());
    await page.keyboard.up('Shift');
    await page.click('#tab-list');
    await page.click('.list-head button:has-text("All")');
    await page.waitForSelector('.row[data-ordinal="0"]');
    await page.mouse.move(5, 5);
    const first = await picture(page);
    const url = page.url();
    const { page: again } = await open(new URL(url).hash, { server });
    await again.mouse.move(5, 5);
    expect(await picture(again)).toBe(first);
    expect(again.url()).toBe(url);
    expect(await again.textContent('.summary')).toBe(await page.textContent('.summary'));
    expect(await again.getAttribute('#tab-list', 'aria-selected')).toBe('true');
    const chosen = again.locator('.list-head button[aria-pressed="true"]');
    expect(await chosen.innerText()).toBe('All');
    await again.waitForSelector('.row[data-ordinal="0"]');
    // What the trace is, beside a window that is selected.
    await page.click('#tab-start');
    const { page: third } = await open(new URL(page.url()).hash, { server });
    await third.waitForSelector('.start');
    expect(await third.getAttribute('#tab-start', 'aria-selected')).toBe('true');
    await third.close();
    await Promise.all([page.close(), again.close()]);
  });

  it('is moved by keys alone', async () => {
    const { page } = await open('#from=400000&to=500000&low=100&high=300');
    await picture(page);
    await focusMap(page);
    await change(page, async () => page.keyboard.press('d'));
    const right = viewOf(page);
    expect(right.from).toBeGreaterThan(400_000);
    expect(right.to - right.from).toBeCloseTo(100_000, 3);
    await change(page, async () => page.keyboard.press('ArrowUp'));
    expect(viewOf(page).low).toBeGreaterThan(100);
    await change(page, async () => page.keyboard.press('w'));
    expect(viewOf(page).to - viewOf(page).from).toBeLessThan(99_000);
    await page.keyboard.press('?');
    await page.waitForSelector('dialog.help', { state: 'visible' });
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog.help', { state: 'hidden' });
    await change(page, async () => page.keyboard.press('0'));
    await page.waitForTimeout(400);
    expect(viewOf(page)).toEqual({ from: 0, to: ACCESSES, low: 0, high: FAKE_PAGES });
    await page.keyboard.press('Control+k');
    expect(await page.evaluate('document.activeElement.id')).toBe('find');
    await page.close();
  });

  it('asks for no tile twice', async () => {
    const { page, server } = await open('#from=400000&to=500000&low=100&high=300');
    await picture(page);
    await focusMap(page);
    for (const key of ['d', 'd', 'a', 'a', 'w', 's', 'ArrowUp', 'ArrowDown']) {
      await change(page, async () => page.keyboard.press(key));
      await picture(page);
    }
    const tiles = server.asked.filter((url) => url.includes('/api/tile?'));
    expect(tiles.length).toBeGreaterThan(4);
    expect(new Set(tiles).size).toBe(tiles.length);
    await page.close();
  });

  it('zooms in where it is clicked twice', async () => {
    const { page } = await open();
    await picture(page);
    const map = await page.locator('#map').boundingBox();
    if (map === null) throw new Error('no map');
    await change(page, async () => page.mouse.dblclick(map.x + map.width / 4, map.y + 100));
    await page.waitForTimeout(600);
    const { from, to } = viewOf(page);
    expect((to - from) / ACCESSES).toBeCloseTo(0.25, 3);
    expect((ACCESSES / 4 - from) / (to - from)).toBeCloseTo(0.25, 2);
    await page.close();
  });

  it('finds a symbol and walks along its accesses', async () => {
    const { page } = await open();
    await picture(page);
    await page.keyboard.press('/');
    await page.keyboard.type('hot_page');
    await page.keyboard.press('Enter');
    await page.waitForURL(/target=/);
    expect(new URL(page.url()).hash).toContain(encodeURIComponent(fakeAddress(240)));
    await page.waitForTimeout(400);
    const accesses: number[] = [];
    for (const key of ['j', 'j', 'k', 'j']) {
      await change(page, async () => page.keyboard.press(key));
      accesses.push(Number(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('access')));
    }
    const all = Array.from({ length: 100_000 }, (_, ordinal) => ordinal).filter((ordinal) => {
      const { rank } = fakeAccess(ordinal, ACCESSES);
      return rank >= 240 && rank < 240 + 8 / 4096;
    });
    const first = all.indexOf(accesses[0] ?? -1);
    expect(first).toBeGreaterThanOrEqual(0);
    expect(accesses).toEqual([all[first], all[first + 1], all[first], all[first + 1]]);
    await page.close();
  });

  it('answers SQL in a table whose cells lead somewhere', async () => {
    const { page } = await open();
    await picture(page);
    await page.fill('#find', 'select ordinal, vaddr from accesses');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.query-rows td');
    expect(await page.textContent('.query-rows tbody tr')).toContain('1000');
    const aligned = 'getComputedStyle(document.querySelector(".query-rows th")).textAlign';
    expect(await page.evaluate(aligned)).toBe('right');
    expect(await page.locator('.query-rows td:last-child').allTextContents()).toEqual(['', 'null']);
    await page.click('.query-rows button:has-text("2000")');
    await page.waitForSelector('h2:has-text("Access #2,000")');
    await page.close();
  });

  it('scrolls a list of a million to its end', async () => {
    const { page } = await open('#tab=list');
    await page.waitForSelector('.row[data-ordinal="0"]');
    await page.focus('.list-rows');
    await page.keyboard.press('End');
    await page.waitForSelector(`.row[data-ordinal="${ACCESSES - 1}"]`);
    await page.keyboard.press('ArrowUp');
    await page.click(`.row[data-ordinal="${ACCESSES - 4}"]`);
    expect(await page.textContent('.side h2')).toContain('Access #1,048,572');
    await page.waitForSelector('[data-fact="pc"]');
    await page.close();
  });

  it('says what a list is of, and marks that', async () => {
    const { page } = await open('#tab=list');
    const expectList = async (chosen: string, of: string): Promise<void> => {
      await page.waitForSelector(`.list-head > span:text-is("${of}")`);
      const marked = page.locator('.list-head button[aria-pressed="true"]');
      expect(await marked.allInnerTexts()).toEqual([chosen]);
    };
    // No window is selected.
    await expectList('All', 'all accesses');
    const window = `#tab=list&from=0&to=5000&low=0&high=${FAKE_PAGES}&select=1000,3000,`;
    await page.evaluate(`location.hash = '${window}0,${FAKE_PAGES}'`);
    await expectList('Selection', 'accesses #1,000 to #2,999, all addresses');
    await page.evaluate(`location.hash = '${window}1,3'`);
    await expectList('Selection', 'accesses #1,000 to #2,999, at 0x401000 to 0x402fff');
    await page.click('.list-head button:has-text("In view")');
    await expectList('In view', 'accesses #0 to #4,999, all addresses');
    await page.click('.list-head button:has-text("All")');
    await expectList('All', 'all accesses');
    await page.close();
  });

  it('goes on when part of the trace is damaged', async () => {
    const server = await start();
    server.refusals.set('tile', { error: 'damaged', message: 'chunk c-3: its checksum is wrong' });
    const { page } = await open('', { server });
    await page.waitForSelector('.banner[data-kind="damaged"]');
    expect(await page.textContent('.banner')).toContain('chunk c-3');
    expect(await page.locator('.plot canvas').count()).toBe(5);
    await page.click('#tab-list');
    await page.waitForSelector('.row[data-ordinal="3"]');
    server.refusals.clear();
    await page.click('.banner button:has-text("Try again")');
    await picture(page);
    expect(await mapColours(page)).toBeGreaterThan(10);
    expect(await page.locator('.banner').count()).toBe(0);
    await page.close();
  });

  it('says when the trace or the server is gone, and comes back', async () => {
    const server = await start();
    const { page } = await open('', { server });
    const map = await picture(page);
    const addresses = await gutter(page);
    server.refusals.set('trace', { error: 'gone', message: 'made-up.memtrace was removed' });
    await page.waitForSelector('.banner[data-kind="gone"]', { timeout: 10_000 });
    server.refusals.clear();
    await page.waitForSelector('.banner', { state: 'detached', timeout: 10_000 });
    await server.close();
    await page.waitForSelector('.banner[data-kind="unreachable"]', { timeout: 10_000 });
    expect(await page.textContent('.banner')).toContain('loadstore view');
    // What is there stays: at another height it would have to be asked for.
    expect(await picture(page)).toBe(map);
    expect(await gutter(page)).toBe(addresses);
    expect(await page.locator('.banner button:has-text("Try again")').isVisible()).toBe(true);
    await page.close();
  });

  it('waits for the index, with progress', async () => {
    const server = await start();
    server.indexPart = 0.42;
    const { page } = await open('#from=10&to=5000&low=0&high=9', { server });
    await page.waitForSelector('.over-map:has-text("42 %")');
    expect(await page.textContent('.start')).toContain('1.05 M');
    expect(server.asked.filter((url) => url.includes('/tile'))).toEqual([]);
    server.indexPart = 1;
    await page.waitForSelector('.over-map', { state: 'detached' });
    await picture(page);
    expect(viewOf(page)).toEqual({ from: 10, to: 5000, low: 0, high: 9 });
    await page.close();
  });

  it('warns of a link that was made for another trace', async () => {
    const { page } = await open('#trace=other&from=10&to=5000&low=3&high=9');
    await page.waitForSelector('.banner[data-kind="link"]');
    expect(await page.textContent('.banner')).toContain('made for another trace');
    await page.close();
  });

  it('saves the map and the list', async () => {
    const { page } = await open('#from=1000&to=1200&low=0&high=600&tab=list');
    await picture(page);
    const save = async (name: string): Promise<Buffer> => {
      await page.click('button:has-text("Export")');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.click(`[role="menuitem"]:has-text("${name}")`),
      ]);
      const parts: Buffer[] = [];
      for await (const part of await download.createReadStream()) {
        if (part instanceof Buffer) parts.push(part);
      }
      await page.keyboard.press('Escape');
      return Buffer.concat(parts);
    };
    const png = await save('Map as PNG');
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    const svg = (await save('Map as SVG')).toString();
    expect(svg).toContain('virtual memory, loads and stores, accesses 1,000 to 1,200');
    await page.click('.list-head button:has-text("In view")');
    await page.waitForSelector('.row[data-ordinal="1000"]');
    const csv = (await save('Accesses as CSV')).toString().trim().split('\n');
    expect(csv).toHaveLength(201);
    expect(csv[1]?.startsWith('1000,2500,0,')).toBe(true);
    await page.close();
  });

  it('looks further for neighbours that are not near', async () => {
    const { page, server, complaints } = await open(`#access=${LONELY_ACCESS}`);
    await page.waitForSelector('.neighbours td');
    const texts = page.locator('.neighbours td');
    await expect.poll(async () => (await texts.allTextContents()).join(' ')).toMatch(/#.*#/);
    await expect.poll(async () => texts.allTextContents()).not.toContain('search ›');
    expect(await texts.allTextContents()).not.toContain('‹ search');
    const asked = server.asked.filter((url) => url.includes('/neighbour?'));
    expect(asked.length).toBe(6);
    expect(await texts.first().innerText()).toBe('no previous');
    const [before, after] = (await texts.allTextContents()).slice(4);
    const { rank } = fakeAccess(LONELY_ACCESS, ACCESSES);
    for (const text of [before, after]) {
      const ordinal = Number((text ?? '').replaceAll(/[^0-9]/g, ''));
      expect(Math.floor(fakeAccess(ordinal, ACCESSES).rank)).toBe(Math.floor(rank));
    }
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('copies the command of what is shown: accesses of the list, else what they come to', async () => {
    const { page } = await open('#from=1000&to=1200&low=0&high=600&tab=list&list=view');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.waitForSelector('.row[data-ordinal="1000"]');
    const expectCopied = async (command: string): Promise<void> => {
      await page.click('button:has-text("Export")');
      await page.click('[role="menuitem"]:has-text("Copy the command")');
      await page.waitForSelector('.status:has-text("The command is copied")');
      await page.keyboard.press('Escape');
      // The status may still be that of the copy before.
      const clipboard = async (): Promise<unknown> =>
        page.evaluate('navigator.clipboard.readText()');
      await expect.poll(clipboard, { timeout: 10_000 }).toBe(command);
    };
    await expectCopied('loadstore dump made-up.memtrace --from 1000 --to 1200');
    await page.click('#tab-tracks');
    await expectCopied('loadstore hot made-up.memtrace --from 1000 --to 1200');
    await page.close();
  });

  it('says of a window where it is, and simulates a long one when it is told to', async () => {
    const { page, complaints } = await open(`#select=0,${ACCESSES},10,20`);
    await page.waitForSelector('.summary .command code');
    const window = await page.locator('.summary > .facts').innerText();
    expect(window.replaceAll('_', '')).toContain(`${fakeAddress(10)} to 0x`);
    const pages = page.locator('.summary h3:has-text("Pages") + table th');
    expect((await pages.innerText()).replaceAll('_', '')).toContain('0xffffffff81000100');
    await page.click('.summary button:has-text("Simulate it")');
    await page.waitForSelector('.summary th:has-text("L1D")');
    expect(await page.innerText('.summary')).toContain('32.0 KiB, 8 ways');
    expect(complaints).toEqual([]);
    await page.close();
  });
});
