// SPDX-License-Identifier: Apache-2.0
// The viewer's page when an answer comes after something else was asked for: what was asked for last is what is shown.

import type { Page, Route } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { FAKE_PAGES, fakeAccess, fakeAddress } from '../fakes/viewer-accesses.ts';
import { ACCESSES, fakeViewer, focusMap, picture, type Shown, viewOf } from './fake-viewer.ts';

const ORDINAL = 5000;
/** An access, close to it, and a line to follow that is accessed again far from there. */
const FOLLOWING = `#access=${ORDINAL}&from=4992&to=5009&low=200&high=260&target=virtual,${fakeAddress(240)},64,240`;
const WHOLE: Shown = { from: 0, to: ACCESSES, low: 0, high: FAKE_PAGES };

describe("the viewer's page and answers that come late", () => {
  const { open } = fakeViewer();

  interface Held {
    readonly page: Page;
    /** Until it is asked for. */
    readonly isAsked: () => Promise<void>;
    readonly release: () => Promise<void>;
  }

  /** Asked for, and not answered until `release`. */
  async function holding(question: string, hash = ''): Promise<Held> {
    const held: Route[] = [];
    const { page } = await open(hash);
    await picture(page);
    await page.route(`**/api/${question}?*`, (route) => void held.push(route));
    return {
      page,
      async isAsked() {
        await expect.poll(() => held.length).toBe(1);
      },
      async release() {
        for (const route of held) await route.continue().catch(() => undefined);
        // Of what came nothing is left to be done.
        await page.waitForTimeout(600);
      },
    };
  }

  /** On its way to an access that a link names: where it is, is asked for. */
  async function onItsWay(): Promise<Held> {
    const held = await holding('find');
    await held.page.evaluate(`location.hash = '#access=${ORDINAL}'`);
    await held.page.waitForSelector('[data-fact="pc"]');
    await held.isAsked();
    return held;
  }

  /** Presses keys that move the map, one after the other; what is in view then. */
  async function move(page: Page, ...keys: readonly string[]): Promise<Shown> {
    await focusMap(page);
    for (const key of keys) {
      await page.keyboard.press(key);
      await page.waitForTimeout(50);
    }
    // It is in the URL when it has paused.
    await page.waitForTimeout(600);
    return viewOf(page);
  }

  const hashOf = (page: Page): URLSearchParams =>
    new URLSearchParams(new URL(page.url()).hash.slice(1));

  it('goes where the access is when it is known, if nothing else is shown by then', async () => {
    const { page, release } = await onItsWay();
    await release();
    const { rank } = fakeAccess(ORDINAL, ACCESSES);
    const [, , , targetRank] = (hashOf(page).get('target') ?? '').split(',');
    expect(Math.floor(Number(targetRank))).toBe(Math.floor(rank));
    expect([hashOf(page).get('from'), hashOf(page).get('to')]).toEqual(['4992', '5009']);
    await page.close();
  });

  it('goes there again by the same link, from wherever it is', async () => {
    const { page } = await open('');
    await picture(page);
    for (let i = 0; i < 2; i++) {
      await page.evaluate(`location.hash = '#access=${ORDINAL}'`);
      await page.waitForURL(/from=4992&to=5009/);
      expect(hashOf(page).get('access')).toBe(String(ORDINAL));
      await focusMap(page);
      await page.keyboard.press('0');
      await page.waitForURL((url) => !url.hash.includes('from=4992'));
    }
    await page.close();
  });

  it('stays at a link that was followed meanwhile', async () => {
    const { page, release } = await onItsWay();
    await page.evaluate("location.hash = '#tab=list'");
    await page.waitForSelector('.row[data-ordinal="0"]');
    await focusMap(page);
    await page.keyboard.press('r');
    await release();
    expect(hashOf(page).get('select')).toBe(`0,${ACCESSES},0,${FAKE_PAGES}`);
    expect([hashOf(page).get('from'), hashOf(page).get('to')]).toEqual(['0', String(ACCESSES)]);
    expect(hashOf(page).get('target')).toBeNull();
    await page.waitForSelector('.summary .command code');
    await page.close();
  });

  it('stays at the window that was selected meanwhile', async () => {
    const { page, release } = await onItsWay();
    await focusMap(page);
    await page.keyboard.press('r');
    const before = page.url();
    expect(hashOf(page).get('select')).not.toBeNull();
    await release();
    expect(page.url()).toBe(before);
    await page.close();
  });

  it.each([
    ['keys', ['w', 'd'], false],
    ['the key for all', ['w', '0'], true],
  ] as const)(
    'stays where the map was moved by %s, and knows what j and k follow',
    async (_by, keys, isAll) => {
      const { page, release } = await onItsWay();
      const moved = await move(page, ...keys);
      expect(moved.to - moved.from === ACCESSES).toBe(isAll);
      await release();
      expect(viewOf(page)).toEqual(moved);
      expect(hashOf(page).get('access')).toBe(String(ORDINAL));
      expect(hashOf(page).get('target')).not.toBeNull();
      await page.close();
    },
  );

  it('stays where the button for all brought the map', async () => {
    const { page, release } = await onItsWay();
    await move(page, 'w');
    await page.click('.map-head button:text-is("All")');
    await release();
    expect(viewOf(page)).toEqual(WHOLE);
    await page.close();
  });

  it('finds the next access while the map is moved, and says so where the map is then', async () => {
    const { page, isAsked, release } = await holding('neighbour', FOLLOWING);
    await focusMap(page);
    await page.keyboard.press('j');
    await isAsked();
    const moved = await move(page, 'a', 'w');
    await release();
    expect(Number(hashOf(page).get('access'))).toBeGreaterThan(moved.to + 10);
    expect(viewOf(page)).toEqual(moved);
    expect(await page.textContent('.notice')).toMatch(/^Access #[\d,]+ was found; f zooms to it$/);
    await page.keyboard.press('f');
    await page.waitForURL((url) => !url.hash.includes(`from=${moved.from}`));
    await page.close();
  });

  it('zooms to what is selected while the next one is searched for, and stays there', async () => {
    const { page, isAsked, release } = await holding('neighbour', FOLLOWING);
    await move(page, '0');
    await page.keyboard.press('j');
    await isAsked();
    const zoomed = await move(page, 'f');
    expect([zoomed.from, zoomed.to]).toEqual([4992, 5009]);
    await release();
    expect(viewOf(page)).toEqual(zoomed);
    await page.close();
  });

  it('lists what the box asked for, and stays where the map was moved meanwhile', async () => {
    const { page, isAsked, release } = await holding('find');
    await page.fill('#find', `#${ORDINAL}`);
    await page.keyboard.press('Enter');
    await isAsked();
    const moved = await move(page, 'w', 'd');
    await release();
    expect(viewOf(page)).toEqual(moved);
    expect(hashOf(page).get('access')).toBeNull();
    await page.focus('#find');
    expect(await page.locator('#found [role="option"]').count()).toBe(1);
    await page.keyboard.press('Enter');
    await page.waitForURL(new RegExp(`access=${ORDINAL}`));
    await page.close();
  });
});
