// SPDX-License-Identifier: Apache-2.0
// The viewer's page for people who do not see it or have no mouse: what a screen reader is told, and where the focus is.

import type { CDPSession, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { FAKE_PAGES, fakeAddress } from '../fakes/viewer-accesses.ts';
import { fakeViewer, focusMap, picture } from './fake-viewer.ts';

const STATES = {
  start: '',
  access: '#access=1000&tab=list&from=900&to=1100&low=0&high=300',
  window: `#select=1000,9000,0,${FAKE_PAGES}`,
  sql: '#tab=query&sql=select%20ordinal%20from%20accesses',
} as const;

const SHOWN: { readonly [S in keyof typeof STATES]: string } = {
  start: '.guide a',
  access: '.row.shown',
  window: '.summary .command code',
  sql: '.query-rows td',
};

interface Focused {
  readonly what: string;
  readonly isMarked: boolean;
  readonly isInView: boolean;
}

/** What has the focus, and whether one sees that: an outline, of its own or drawn over it. */
const FOCUSED = `(() => {
  const element = document.activeElement;
  const marks = [getComputedStyle(element), getComputedStyle(element, '::after')];
  const { left, top, width, height } = element.getBoundingClientRect();
  const [x, y] = [left + width / 2, top + height / 2];
  return {
    what: element.id || element.ariaLabel || element.tagName + ' ' + element.textContent.trim(),
    isMarked: (marks[0].outlineStyle === 'solid' && parseFloat(marks[0].outlineWidth) >= 1)
      || (marks[1].content !== 'none' && parseFloat(marks[1].borderTopWidth) >= 2),
    isInView: x >= 0 && y >= 0 && x <= innerWidth && y <= innerHeight,
  };
})()`;

async function focused(page: Page): Promise<Focused> {
  return page.evaluate<Focused>(FOCUSED);
}

interface Node {
  readonly role: string;
  readonly name: string;
  readonly description: string;
  readonly of: ReadonlyMap<string, unknown>;
}

async function tree(session: CDPSession): Promise<readonly Node[]> {
  const { nodes } = await axTree(session);
  return namesOf(nodes);
}

/** What a screen reader has of what is focused. */
async function focusedNode(session: CDPSession): Promise<Node | undefined> {
  const { result } = await session.send('Runtime.evaluate', {
    expression: 'document.activeElement',
  });
  const { objectId = '' } = result;
  const { nodes } = await session.send('Accessibility.getPartialAXTree', {
    objectId,
    fetchRelatives: false,
  });
  return namesOf(nodes)[0];
}

type AxNodes = Awaited<ReturnType<typeof axTree>>['nodes'];

async function axTree(session: CDPSession) {
  return session.send('Accessibility.getFullAXTree');
}

function namesOf(nodes: AxNodes): readonly Node[] {
  return nodes
    .filter(({ ignored }) => !ignored)
    .map(({ role, name, description, properties = [] }) => ({
      role: String(role?.value),
      name: String(name?.value ?? '').trim(),
      description: String(description?.value ?? ''),
      of: new Map(properties.map(({ name: key, value }) => [key, value.value])),
    }));
}

async function said(page: Page): Promise<string> {
  return (await page.textContent('[aria-live]')) ?? '';
}

describe("the viewer's page, read and walked through", () => {
  const { open, start } = fakeViewer();

  it.each(Object.entries(STATES))(
    'has each control named, and focused in sight: %s',
    async (state, hash) => {
      const { page } = await open(hash);
      await page.waitForSelector(SHOWN[state as keyof typeof STATES]);
      await picture(page);
      const session = await page.context().newCDPSession(page);
      const stops: string[] = [];
      for (let i = 0; i < 90; i++) {
        await page.keyboard.press('Tab');
        const now = await focused(page);
        if (now.what.startsWith('BODY')) break;
        expect(now).toMatchObject({ isMarked: true, isInView: true });
        stops.push(now.what);
        const node = await focusedNode(session);
        expect([now.what, node?.name]).not.toEqual([now.what, '']);
        expect([now.what, node?.role]).not.toEqual([now.what, 'generic']);
      }
      // From above: the bar, what is above the map, the map, what is below it, what is at its right.
      const order = [
        'find',
        'Light colours',
        'Zoom in',
        'map',
        'Height of the lower pane',
        'side-panel',
      ];
      const places = order.map((one) => stops.indexOf(one));
      expect(places).not.toContain(-1);
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      expect(new Set(stops).size).toBeGreaterThan(20);
      await page.close();
    },
  );

  it('has headings, tables with names, and a list whose columns have them', async () => {
    const { page } = await open(STATES.access);
    await page.waitForSelector('.row.shown');
    await page.waitForSelector('.neighbours');
    const session = await page.context().newCDPSession(page);
    const access = await tree(session);
    const named = (nodes: readonly Node[], role: string): string[] =>
      nodes.filter((node) => node.role === role).map(({ name }) => name);
    const levels = access.filter(({ role }) => role === 'heading');
    expect(levels.filter(({ of }) => of.get('level') === 1).map(({ name }) => name)).toEqual([
      'made-up.memtrace',
    ]);
    expect(named(access, 'heading')).toContain('Access #1,000');
    expect(named(access, 'table')).toEqual(['Accesses to the same memory']);
    expect(named(access, 'columnheader')).toEqual(
      expect.arrayContaining(['Access', 'icount', 'Kind', 'Virtual', 'Instruction']),
    );
    expect(named(access, 'button')).toContain('The next access to the same bytes: #1,009');
    await page.evaluate(`location.hash = '${STATES.window}'`);
    await page.waitForSelector(SHOWN.window);
    const tables = named(await tree(session), 'table');
    expect(tables).toEqual(['Functions', 'Instructions', 'Pages', 'Caches, begun cold']);
    await page.close();
  });

  it('says in words what the map and its tracks show, and where keys have moved it', async () => {
    const { page } = await open('#from=0&to=4096&low=0&high=300');
    await picture(page);
    const session = await page.context().newCDPSession(page);
    const map = async (): Promise<string> =>
      (await tree(session)).find(({ role }) => role === 'application')?.description ?? '';
    await expect.poll(map, { timeout: 10_000 }).toContain('accesses 0 to 4,095 of 1,048,576');
    const words = await map();
    expect(words).toContain(`addresses ${fakeAddress(0)} to `);
    const [, loads = '', stores = ''] = /([\d,]+) loads and ([\d,]+) stores/.exec(words) ?? [];
    const number = (text: string): number => Number(text.replaceAll(',', ''));
    // All of them that are on these pages.
    expect(number(loads)).toBeGreaterThan(number(stores));
    expect(number(loads) + number(stores)).toBeGreaterThan(2000);
    expect(number(loads) + number(stores)).toBeLessThanOrEqual(4096);
    expect(words).toMatch(/most in one cell: [\d,]+, at access [\d,]+, 0x[\da-f]+ in /);
    expect(await page.textContent('#moved-to')).toBe('');
    await focusMap(page);
    await page.keyboard.press('d');
    await expect
      .poll(async () => page.textContent('#moved-to'), { timeout: 10_000 })
      .toMatch(/accesses 4\d\d to 4,\d\d\d of/);
    await page.keyboard.press('c');
    await expect
      .poll(async () => page.textContent('#moved-to'), { timeout: 10_000 })
      .toContain('Loads and stores apart');
    const tracks = (await tree(session)).filter(
      ({ role, name }) => role === 'image' && name.includes('of vCPU 0: '),
    );
    expect(tracks).toHaveLength(5);
    const [rate] = tracks;
    expect(rate?.name).toMatch(
      /^Accesses per instruction of vCPU 0: at access [\d,]+ [\d.]+, stores [\d.]+; most at access/,
    );
    expect(tracks[2]?.name).toContain('space 0');
    await page.close();
  });

  it('keeps the focus when what had it goes', async () => {
    const server = await start();
    const { page } = await open(STATES.access, { server });
    page.setDefaultTimeout(5000);
    await page.waitForSelector('.neighbours');
    await page.focus('.access button[aria-label="The next access"]');
    for (const next of ['1,001', '1,002']) {
      await page.keyboard.press('Enter');
      await page.waitForSelector(`h2:has-text("Access #${next}")`);
      expect((await focused(page)).what).toBe('The next access');
    }
    await page.waitForSelector('#next-line:has-text("1,011")');
    await page.focus('#next-line');
    for (const next of ['1,011', '1,020']) {
      await page.keyboard.press('Enter');
      await page.waitForSelector(`h2:has-text("Access #${next}")`);
      await expect.poll(async () => (await focused(page)).what).toBe('next-line');
    }
    // Nothing comes in its place: what held it, or the map.
    await page.evaluate(`location.hash = '#select=0,1048576,0,${FAKE_PAGES}'`);
    await page.focus('button:has-text("Simulate it")');
    await page.keyboard.press('Enter');
    await page.waitForSelector('table[aria-label="Caches, begun cold"]');
    expect((await focused(page)).what).toBe('side-panel');
    server.refusals.set('tile', { error: 'damaged', message: 'chunk c-3: its checksum is wrong' });
    await page.evaluate("location.hash = '#from=5&to=700&low=3&high=77'");
    await page.waitForSelector('.banner');
    await page.focus('.banner button[aria-label^="Close"]');
    server.refusals.clear();
    await page.keyboard.press('Enter');
    await page.waitForSelector('.banner', { state: 'detached' });
    expect((await focused(page)).what).toBe('map');
    await page.close();
  });

  it('says what came of what was asked', async () => {
    const { page } = await open('#tab=list');
    await expect
      .poll(async () => page.textContent('.list [role="status"]'))
      .toBe('1,048,576 accesses in the list');
    await page.evaluate(`location.hash = '${STATES.window}'`);
    await expect
      .poll(async () => said(page))
      .toMatch(/^8,000 accesses in the window: 5,334 loads, 2,666 stores$/);
    await page.fill('#find', 'nowhere_at_all');
    await page.keyboard.press('Enter');
    await expect.poll(async () => said(page)).toContain('nothing is called nowhere_at_all');
    await page.fill('#find', 'select ordinal from accesses');
    await page.keyboard.press('Enter');
    await expect.poll(async () => said(page)).toBe('2 rows');
    // The menu takes the focus, and gives it back.
    await page.focus('.menu > button');
    await page.keyboard.press('Enter');
    await expect.poll(async () => (await focused(page)).what).toBe('BUTTON Map as PNG');
    await page.keyboard.press('Escape');
    expect((await focused(page)).what).toBe('BUTTON Export');
    // The divider says where it is.
    const height = async (): Promise<number[]> =>
      Promise.all(
        ['min', 'now', 'max'].map(async (one) =>
          Number(await page.getAttribute('.divider', `aria-value${one}`)),
        ),
      );
    const [least = 0, now = 0, most = 0] = await height();
    expect(now).toBe(await page.evaluate("document.getElementById('lower').clientHeight"));
    await page.focus('.divider');
    for (let i = 0; i < 40; i++) await page.keyboard.press('ArrowUp');
    expect(await height()).toEqual([least, most, most]);
    await page.close();
  });

  const cases = Object.keys(STATES).flatMap((state) =>
    (['light', 'dark'] as const).map((scheme) => [state as keyof typeof STATES, scheme] as const),
  );

  it.each(cases)('has no text that is hard to read: %s, %s', async (state, colorScheme) => {
    const { page } = await open(STATES[state], { colorScheme });
    await page.waitForSelector(SHOWN[state]);
    await page.hover('.top button:has-text("About")');
    await page.focus('#find');
    await page.waitForSelector('#found');
    const texts = await page.evaluate<{ text: string; ratio: number }[]>(CONTRASTS);
    expect(texts.length).toBeGreaterThan(40);
    expect(texts.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
    await page.close();
  });
});

/** Of each text on the page, its contrast to what is behind it (WCAG 2.1). */
const CONTRASTS = `(() => {
  const channels = (css) => (/rgba?\\(([^)]*)\\)/.exec(css)?.[1] ?? '').split(/[ ,/]+/).map(Number);
  const light = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const ground = channels(getComputedStyle(at).backgroundColor);
      if ((ground[3] ?? 1) === 1) return ground;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === '' || element.closest('.unseen, :disabled, noscript') !== null) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const ground = luminance(behind(element));
    const ink = luminance(channels(getComputedStyle(element).color));
    const ratio = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    found.push({ text: node.data.slice(0, 40), ratio: Math.round(100 * ratio) / 100 });
  }
  return found;
})()`;
