// SPDX-License-Identifier: Apache-2.0
// How the viewer's page is handled: fingers, the wheel, keys alone, the box for finding, the browser's own buttons, and
// what a screen reader has of it.

import type { CDPSession, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { FAKE_PAGES, fakeAccess } from '../fakes/viewer-accesses.ts';
import { ACCESSES, change, fakeViewer, focusMap, picture, viewOf } from './fake-viewer.ts';

interface Point {
  readonly x: number;
  readonly y: number;
}

async function boxOf(page: Page, what: string): Promise<Point & { width: number; height: number }> {
  const box = await page.locator(what).boundingBox();
  if (box === null) throw new Error(`${what} is not on the page`);
  return box;
}

async function touch(session: CDPSession, type: string, points: readonly Point[]): Promise<void> {
  const touchPoints = points.map(({ x, y }, id) => ({ x, y, id }));
  await session.send('Input.dispatchTouchEvent', { type: type as 'touchStart', touchPoints });
}

async function focused(page: Page): Promise<string> {
  return String(
    await page.evaluate(`(() => {
      const { id, tagName, textContent, ariaLabel } = document.activeElement;
      return id || ariaLabel || tagName + ' ' + textContent.trim();
    })()`),
  );
}

async function announced(page: Page): Promise<string> {
  return (await page.textContent('[aria-live]')) ?? '';
}

describe("the viewer's page in the hand", () => {
  const { open } = fakeViewer();

  it('zooms by two fingers around what is between them, and moves with them', async () => {
    const { page, complaints } = await open('#from=400000&to=500000&low=100&high=300', {
      hasTouch: true,
    });
    await picture(page);
    const map = await boxOf(page, '#map');
    const session = await page.context().newCDPSession(page);
    const middle = { x: map.x + map.width / 4, y: map.y + map.height / 2 };
    const fingers = (apart: number, by = 0): Point[] => [
      { x: middle.x - apart + by, y: middle.y },
      { x: middle.x + apart + by, y: middle.y },
    ];
    await touch(session, 'touchStart', fingers(40));
    for (const apart of [50, 60, 70, 80]) await touch(session, 'touchMove', fingers(apart));
    await change(page, async () => touch(session, 'touchEnd', []));
    const near = viewOf(page);
    expect((near.to - near.from) / 100_000).toBeCloseTo(0.5, 2);
    expect((near.high - near.low) / 200).toBeCloseTo(0.5, 2);
    expect((425_000 - near.from) / (near.to - near.from)).toBeCloseTo(0.25, 2);
    await touch(session, 'touchStart', fingers(60));
    for (const by of [15, 30, 45, 60]) await touch(session, 'touchMove', fingers(60, by));
    await change(page, async () => touch(session, 'touchEnd', []));
    const moved = viewOf(page);
    expect(moved.to - moved.from).toBeCloseTo(near.to - near.from, -1);
    const width = near.to - near.from;
    expect((near.from - moved.from) / width).toBeCloseTo(60 / map.width, 2);
    // One finger that is left moves on; its end selects nothing.
    // Chromium's protocol lifts all fingers at once: the page is told so of the second alone.
    await page.evaluate(
      "document.querySelector('#map').addEventListener('pointerdown', (e) => (window.last = e.pointerId))",
    );
    await touch(session, 'touchStart', fingers(60));
    await page.evaluate(`document.querySelector('#map').dispatchEvent(
      new PointerEvent('pointerup', { pointerId: window.last, pointerType: 'touch' }))`);
    const [, still = middle] = fingers(60);
    for (const by of [20, 40, 60]) {
      await touch(session, 'touchMove', [...fingers(60, by).slice(0, 1), still]);
    }
    await change(page, async () => touch(session, 'touchEnd', []));
    expect((moved.from - viewOf(page).from) / width).toBeCloseTo(60 / map.width, 2);
    expect(new URL(page.url()).hash).not.toContain('select=');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('takes the wheel with Ctrl, as a touch pad sends a pinch, for the map and not for the page', async () => {
    const { page } = await open('#from=400000&to=500000&low=100&high=300');
    await picture(page);
    const map = await boxOf(page, '#map');
    await page.mouse.move(map.x + map.width / 2, map.y + map.height / 2);
    await page.keyboard.down('Control');
    await change(page, async () => page.mouse.wheel(0, -40));
    await page.keyboard.up('Control');
    const { from, to, low, high } = viewOf(page);
    const factor = Math.exp(-0.4);
    expect((to - from) / 100_000).toBeCloseTo(factor, 3);
    expect((high - low) / 200).toBeCloseTo(factor, 3);
    expect(await page.evaluate('visualViewport.scale')).toBe(1);
    await page.close();
  });

  it('selects with the mouse what is brushed, goes back and forward, and to a link', async () => {
    const { page } = await open();
    await picture(page);
    const map = await boxOf(page, '#map');
    const brush = async (from: number, to: number): Promise<void> => {
      await page.keyboard.down('Shift');
      await page.mouse.move(map.x + from, map.y + 40);
      await page.mouse.down();
      await page.mouse.move(map.x + to, map.y + 140, { steps: 3 });
      await change(page, async () => page.mouse.up());
      await page.keyboard.up('Shift');
    };
    const selected = (): number[] =>
      (new URLSearchParams(new URL(page.url()).hash.slice(1)).get('select') ?? '')
        .split(',')
        .map(Number);
    await brush(100, 200);
    const first = selected();
    expect(first[0]).toBeCloseTo((100 / map.width) * ACCESSES, -3);
    expect(first[1]).toBeCloseTo((200 / map.width) * ACCESSES, -3);
    await brush(400, 300);
    const second = selected();
    expect(second[0]).toBeCloseTo((300 / map.width) * ACCESSES, -3);
    const figure = async (): Promise<string> => (await page.textContent('.figures dd')) ?? '';
    await page.waitForSelector('.command code');
    const ofSecond = await page.textContent('.command code');
    await page.goBack();
    await page.waitForURL((url) => url.hash.includes(encodeURIComponent(first.join(','))));
    await page.waitForSelector(`.command code:has-text("--from ${first[0]} ")`);
    expect(await figure()).not.toBe('');
    await page.click('[aria-label="Forward"]');
    await page.waitForURL((url) => url.hash.includes(encodeURIComponent(second.join(','))));
    await page.waitForSelector(`.command code:has-text("--from ${second[0]} ")`);
    expect(await page.textContent('.command code')).toBe(ofSecond);
    await page.close();
  });

  it('offers names that match while one types, chosen by keys', async () => {
    const { page, server } = await open();
    await picture(page);
    await page.keyboard.press('/');
    const box = page.locator('#find');
    expect(await box.getAttribute('role')).toBe('combobox');
    await page.waitForSelector('#found [role="option"]:has-text("icount:")');
    await page.keyboard.type('hot');
    const options = page.locator('#found [role="option"]');
    await page.waitForSelector('#found [role="option"]:has-text("cold_hot")');
    expect(await options.locator('code').allTextContents()).toEqual([
      'hot_page_init',
      'hot_page',
      'hotplug',
      'cold_hot',
    ]);
    expect(await options.locator('span').allTextContents()).toEqual([
      'data',
      'data',
      'function, never ran',
      'data',
    ]);
    expect(await box.getAttribute('aria-expanded')).toBe('true');
    // The first is marked: Enter takes it. Beyond the last and the first are the words as they are.
    const marked = async (): Promise<string | null> => box.getAttribute('aria-activedescendant');
    expect(await marked()).toBe('found-0');
    expect(await page.getAttribute('#found-0', 'aria-selected')).toBe('true');
    await page.keyboard.press('ArrowUp');
    expect(await marked()).toBeNull();
    await page.keyboard.press('ArrowUp');
    expect(await marked()).toBe('found-3');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    expect(await marked()).toBe('found-1');
    await page.keyboard.press('Enter');
    await page.waitForURL(/target=/);
    expect(await box.inputValue()).toBe('hot_page');
    expect(await box.getAttribute('aria-expanded')).toBe('false');
    expect(await focused(page)).toBe('map');
    const names = server.asked.filter((url) => url.includes('/api/names'));
    expect(names.length).toBeLessThanOrEqual(2);
    await page.close();
  });

  it('takes what is offered with Enter, and the words as they are when the offers are closed', async () => {
    const { page, server } = await open();
    await picture(page);
    const asked = (): string[] =>
      server.asked
        .filter((url) => url.includes('/api/find?'))
        .map((url) => new URL(url, 'http://localhost').searchParams.get('q') ?? '');
    // Before the names are here: it waits for them.
    await page.fill('#find', 'hotpl');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.found p:has-text("nothing is called hotplug")');
    expect(await page.inputValue('#find')).toBe('hotplug');
    // When they are.
    await page.fill('#find', 'hot');
    await page.waitForSelector('#found-0[aria-selected="true"]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.found p:has-text("nothing is called hot_page_init")');
    // A name that is typed in full goes before others that begin so.
    await page.fill('#find', 'hot_page');
    await page.waitForSelector('#found-1[aria-selected="true"]');
    await page.keyboard.press('Enter');
    await page.waitForURL(/target=/);
    await page.fill('#find', 'hot');
    await page.waitForSelector('#found-0');
    await page.keyboard.press('Escape');
    expect(await page.locator('.found').count()).toBe(0);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.found p:has-text("nothing is called hot")');
    expect(await page.inputValue('#find')).toBe('hot');
    expect(asked()).toEqual(['hotplug', 'hot_page_init', 'hot_page', 'hot']);
    await page.close();
  });

  it('offers names to the mouse, keeps what is before them, and is closed by Escape', async () => {
    const { page, server } = await open();
    await picture(page);
    await page.fill('#find', 'function:hot');
    await page.click('#found [role="option"]:has-text("hot_page_init")');
    await page.waitForSelector('.found p:has-text("nothing is called")');
    expect(await page.inputValue('#find')).toBe('function:hot_page_init');
    expect(server.asked.join()).toContain('find?q=function%3Ahot_page_init&');
    expect(await focused(page)).toBe('find');
    await page.keyboard.press('Escape');
    expect(await page.getAttribute('#find', 'aria-expanded')).toBe('false');
    expect(await page.locator('.found').count()).toBe(0);
    await page.keyboard.press('Escape');
    expect(await focused(page)).toBe('map');
    for (const words of ['0xffff', '#12', 'icount:1', 'select x', 'h']) {
      await page.fill('#find', words);
      await page.waitForTimeout(200);
      expect(await page.getAttribute('#find', 'aria-expanded')).toBe('false');
    }
    await page.close();
  });

  it('searches on until it is found, and when it is told to', async () => {
    const { page, server } = await open();
    await picture(page);
    const asks = (q: string): number =>
      server.asked.filter((url) => url.includes(`find?q=${q}&`)).length;
    await page.fill('#find', 'far_page');
    await page.keyboard.press('Enter');
    await page.waitForURL(/target=/);
    expect(asks('far_page')).toBe(3);
    await page.fill('#find', 'two_pages');
    await page.keyboard.press('Enter');
    const places = page.locator('#found [role="option"]');
    await page.waitForSelector('.found:has-text("25 % was looked at")');
    expect(await places.locator('code').allTextContents()).toEqual(['near']);
    await page.click('.found button:has-text("Search on")');
    await page.waitForSelector('.found:has-text("50 % was looked at")');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('BUTTON Search on');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#found [role="option"]:has-text("far")');
    expect(await places.count()).toBe(2);
    expect(await page.locator('.found button').count()).toBe(0);
    expect(asks('two_pages')).toBe(3);
    await page.close();
  });

  it('says what came of a key that shows nothing', async () => {
    const { page } = await open();
    await picture(page);
    await focusMap(page);
    await page.keyboard.press('j');
    await page.waitForSelector('.status:has-text("Select an address first")');
    // The last access to its bytes: none is behind it.
    await page.fill('#find', `#${ACCESSES - 1}`);
    await page.keyboard.press('Enter');
    await page.waitForURL(/target=/);
    await focusMap(page);
    await page.keyboard.press('j');
    await page.waitForSelector('.status:has-text("There is no next access to")');
    expect(await announced(page)).toContain('There is no next access to');
    await page.close();
  });

  it('is walked through from end to end by keys alone', async () => {
    const { page, complaints } = await open();
    await picture(page);
    const seen: string[] = [];
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab');
      const now = await focused(page);
      if (now === 'BODY' || seen.includes(now)) break;
      seen.push(now);
    }
    for (const one of ['Back', 'find', 'BUTTON Export', 'BUTTON Apart', 'BUTTON Select', 'map']) {
      expect(seen).toContain(one);
    }
    for (const one of ['Height of the lower pane', 'tab-tracks', 'tab-start', 'side-panel']) {
      expect(seen).toContain(one);
    }
    expect(seen.some((one) => one.startsWith('A The hot pages'))).toBe(true);
    // Tabs: one stop, and arrows among them.
    expect(seen).not.toContain('tab-list');
    await page.focus('#tab-tracks');
    await page.keyboard.press('ArrowRight');
    expect(await focused(page)).toBe('tab-list');
    await page.waitForSelector('.row[data-ordinal="0"]');
    await page.focus('.list-rows');
    for (let i = 0; i < 2; i++) await page.keyboard.press('ArrowDown');
    const active = await page.getAttribute('.list-rows', 'aria-activedescendant');
    expect(await page.getAttribute(`#${active}`, 'data-ordinal')).toBe('2');
    await page.keyboard.press('Enter');
    await page.waitForSelector('h2:has-text("Access #2")');
    await page.keyboard.press('End');
    await page.waitForSelector(`.row.active[data-ordinal="${ACCESSES - 1}"]`);
    // A window without a mouse: the cell in the middle, and its summary.
    await page.keyboard.press('0');
    await focusMap(page);
    await page.waitForTimeout(400);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.summary .command code');
    expect(await announced(page)).toMatch(/^[\d,]+ accesses in the window: /);
    await page.keyboard.press('f');
    await page.waitForTimeout(400);
    expect(viewOf(page).to - viewOf(page).from).toBeLessThan(ACCESSES / 50);
    await page.keyboard.press('r');
    await expect
      .poll(async () => announced(page))
      .toMatch(/^Selected accesses|accesses in the window/);
    const view = viewOf(page);
    const window = new URLSearchParams(new URL(page.url()).hash.slice(1)).get('select') ?? '';
    const [from, to] = window.split(',').map(Number);
    expect(from).toBe(Math.floor(view.from));
    expect(to).toBe(Math.ceil(view.to));
    await page.keyboard.press('Escape');
    expect(await announced(page)).toBe('Nothing is selected');
    // The menu.
    await page.focus('.menu > button');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[role="menu"]');
    await page.keyboard.press('ArrowDown');
    expect(await focused(page)).toBe('BUTTON Map as SVG');
    await page.keyboard.press('Escape');
    expect(await page.locator('[role="menu"]').count()).toBe(0);
    expect(await focused(page)).toBe('BUTTON Export');
    // The height of the lower pane.
    const before = (await boxOf(page, '#lower')).height;
    await page.focus('.divider');
    await page.keyboard.press('ArrowUp');
    expect((await boxOf(page, '#lower')).height).toBeGreaterThan(before);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('has a name for every control, in every state', async () => {
    const { rank } = fakeAccess(1000, ACCESSES);
    const { page } = await open();
    await picture(page);
    const nameless = async (): Promise<string[]> => {
      const session = await page.context().newCDPSession(page);
      const { nodes } = await session.send('Accessibility.getFullAXTree');
      const roles =
        /^(button|link|tab|textbox|searchbox|combobox|listbox|option|menu|menuitem|slider|splitter|application|grid|dialog|tabpanel|toolbar|progressbar|ProgressIndicator|region|complementary|image|img)$/;
      const controls = nodes.filter(
        ({ ignored, role }) => !ignored && roles.test(String(role?.value)),
      );
      expect(controls.length).toBeGreaterThan(20);
      await session.detach();
      return controls
        .filter(({ name }) => String(name?.value ?? '').trim() === '')
        .map(({ role }) => String(role?.value));
    };
    expect(await nameless()).toEqual([]);
    await page.focus('#find');
    await page.waitForSelector('#found');
    expect(await nameless()).toEqual([]);
    await page.click('button:has-text("Export")');
    await page.waitForSelector('[role="menu"]');
    expect(await nameless()).toEqual([]);
    await page.keyboard.press('Escape');
    for (const hash of [
      `#access=1000&tab=list&low=${rank - 1}&high=${rank + 1}&from=900&to=1100`,
      `#select=1000,9000,0,${FAKE_PAGES}&tab=query&sql=select%20ordinal%20from%20accesses`,
    ]) {
      await page.evaluate(`location.hash = '${hash}'`);
      await page.waitForSelector(hash.includes('sql') ? '.query-rows td' : '.row.shown');
      expect(await nameless()).toEqual([]);
    }
    await focusMap(page);
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open]');
    await page.keyboard.press('Escape');
    await page.close();
  });
});
