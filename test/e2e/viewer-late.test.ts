// SPDX-License-Identifier: Apache-2.0
// The viewer's page when an answer comes after something else was asked for: what was asked for last is what is shown.

import type { Page, Route } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { FAKE_PAGES, fakeAccess } from '../fakes/viewer-accesses.ts';
import { ACCESSES, fakeViewer, focusMap, picture } from './fake-viewer.ts';

const ORDINAL = 5000;

describe("the viewer's page and answers that come late", () => {
  const { open } = fakeViewer();

  /** On its way to an access that a link names: where it is asked for, and not answered until `release`. */
  async function onItsWay(): Promise<{ page: Page; release: () => Promise<void> }> {
    const held: Route[] = [];
    const { page } = await open('', {
      prepare: async (made) => {
        await made.route('**/api/find?*', (route) => void held.push(route));
      },
    });
    await picture(page);
    await page.evaluate(`location.hash = '#access=${ORDINAL}'`);
    await page.waitForSelector('[data-fact="pc"]');
    await expect.poll(() => held.length).toBe(1);
    return {
      page,
      async release() {
        for (const route of held) await route.continue().catch(() => undefined);
        // Of what came nothing is left to be done.
        await page.waitForTimeout(600);
      },
    };
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
});
