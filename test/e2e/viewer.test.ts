// SPDX-License-Identifier: Apache-2.0
// "loadstore view" as a reader has it: the real page in a real browser, on the first accesses of a boot. What it shows
// of an access is what "loadstore dump" says of it.

import { copyFileSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../src/cli/chromium.ts';
import type { AccessesReply, CommandReply } from '../../src/server/protocol.ts';
import { mapColours } from './map-picture.ts';
import {
  bootWords,
  demoGuest,
  makeFolder,
  PLUGIN_IS_BUILT,
  runLoadstore,
} from './run-loadstore.ts';
import { type RunningViewer, startViewer } from './running-viewer.ts';

/** Into the kernel's own code. */
const ACCESSES = 56_000_000;
/** Where the access is that the tests go to. */
const FROM = 54_000_000;
const COUNT = 2000;

interface DumpRow {
  readonly ordinal: number;
  readonly icount: number;
  readonly pc: string;
  readonly op: string;
  readonly size: number;
  readonly vaddr?: string;
}

describe.skipIf(!PLUGIN_IS_BUILT)('the viewer', () => {
  const folder = makeFolder();
  const trace = path.join(folder.path, 'boot.memtrace');
  let viewer: RunningViewer;
  let browser: Browser;
  let next: DumpRow;
  let known: DumpRow & { readonly vaddr: string };

  beforeAll(async () => {
    const boot = bootWords(await demoGuest(), path.join(folder.path, 'console.txt'));
    const limit = ['--limit-accesses', String(ACCESSES)];
    const { exitCode, err } = await runLoadstore('record', '-o', trace, ...limit, '--', ...boot);
    if (exitCode !== 0) throw new Error(`the boot was not recorded: ${err}`);
    const window = ['--from', String(FROM), '--count', String(COUNT)];
    const { out } = await runLoadstore('dump', trace, ...window, '--json');
    const dumped: DumpRow[] = JSON.parse(`[${out.trim().replaceAll('\n', ',')}]`);
    const [first, second] = dumped.slice(COUNT / 2);
    if (first?.vaddr === undefined || second?.ordinal !== first.ordinal + 1) {
      throw new Error('the middle of what was dumped is no ordinary access');
    }
    known = { ...first, vaddr: first.vaddr };
    next = second;
    viewer = await startViewer(trace);
    await viewer.settled();
    browser = await launchChromium(process.env['PATH'] ?? '');
  }, 300_000);

  afterAll(async () => {
    await browser.close();
    await viewer.stop();
    folder.remove();
  });

  async function open(hash = '', url = viewer.url): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(url + hash);
    await page.waitForSelector('.over-map', { state: 'detached' });
    return { page, complaints };
  }

  /** Until the map shows so many colours. */
  async function drawn(page: Page, colours = 4): Promise<void> {
    for (let i = 0; i < 100; i++) {
      if ((await mapColours(page)) >= colours) return;
      await page.waitForTimeout(100);
    }
    throw new Error('the map was never drawn');
  }

  async function fact(page: Page, name: string): Promise<string> {
    return ((await page.textContent(`[data-fact="${name}"] dd`)) ?? '').replaceAll(/[,_]/g, '');
  }

  async function expectKnown(page: Page): Promise<void> {
    await page.waitForSelector(`section[aria-label="Access ${known.ordinal}"] [data-fact="pc"]`);
    expect(await fact(page, 'Virtual')).toBe(known.vaddr);
    expect(await fact(page, 'pc')).toBe(known.pc);
    expect(await fact(page, 'icount')).toBe(String(known.icount));
    expect(await fact(page, 'Kind')).toContain(known.op);
  }

  it('opens on the whole trace, with what it holds', async () => {
    const { page, complaints } = await open();
    await drawn(page);
    expect(await page.textContent('.start')).toContain('A first look');
    expect(await page.locator('.guide li').count()).toBe(3);
    expect(await page.textContent('.start')).toMatch(/in part.*d int log|-d int/s);
    expect(await page.title()).toContain('boot.memtrace');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('goes from its first look to one access in three clicks', async () => {
    const { page, complaints } = await open();
    await drawn(page);
    await page.click('.guide li:nth-child(3) a');
    await page.waitForSelector('[data-fact="icount"]');
    await page.waitForURL(/target=/);
    await page.waitForTimeout(600);
    const query = new URLSearchParams(new URL(page.url()).hash.slice(1));
    expect(Number(query.get('to')) - Number(query.get('from'))).toBeLessThan(100);
    await page.goBack();
    await drawn(page);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('zooms to an access and shows of it what dump says', async () => {
    const { page } = await open();
    await drawn(page);
    await page.fill('#find', `#${known.ordinal}`);
    await page.keyboard.press('Enter');
    await expectKnown(page);
    await page.waitForURL(/target=/);
    await page.keyboard.press('f');
    await page.waitForTimeout(700);
    const query = new URLSearchParams(new URL(page.url()).hash.slice(1));
    expect(Number(query.get('to')) - Number(query.get('from'))).toBeLessThan(20);
    await page.waitForSelector('.status:has-text("exact counts")');
    // The next one, by key: the dump has it, too.
    await page.keyboard.press('.');
    await page.waitForSelector(
      `section[aria-label="Access ${known.ordinal + 1}"] [data-fact="pc"]`,
    );
    expect(await fact(page, 'pc')).toBe(next.pc);
    await page.close();
  });

  it('finds an address by its name, and j the next access to it', async () => {
    const { page } = await open();
    await drawn(page);
    await page.fill('#find', 'jiffies');
    await page.keyboard.press('Enter');
    await page.waitForURL(/target=/, { timeout: 60_000 });
    const parameter = (name: string): string =>
      new URLSearchParams(new URL(page.url()).hash.slice(1)).get(name) ?? '';
    const [, address = '', bytes = ''] = parameter('target').split(',');
    const first = Number(parameter('access'));
    await page.waitForSelector('[data-fact="Data"]:has-text("jiffies")');
    await page.keyboard.press('j');
    await page.waitForURL((url) => !url.hash.includes(`access=${first}&`), { timeout: 60_000 });
    const end = `0x${(BigInt(address) + BigInt(bytes)).toString(16)}`;
    const sql = `select ordinal from accesses where ordinal between ${first} and ${first + 2_000_000}
      and vaddr >= ${address} and vaddr < ${end} order by ordinal limit 2`;
    const { out } = await runLoadstore('query', trace, sql, '--json');
    const answer: { rows: { ordinal: number | string }[] } = JSON.parse(out);
    expect(answer.rows.map(({ ordinal }) => Number(ordinal))).toEqual([
      first,
      Number(parameter('access')),
    ]);
    await page.close();
  });

  it('opens a link where it was made', async () => {
    const { page } = await open(
      `#from=${FROM}&to=${FROM + 100_000}&low=0&high=40&colours=split&access=${known.ordinal}&tab=list`,
    );
    await expectKnown(page);
    await page.waitForSelector(`.row[data-ordinal="${known.ordinal}"]`);
    expect(await page.getAttribute('.row.shown', 'data-ordinal')).toBe(String(known.ordinal));
    expect(await page.isVisible('button[aria-pressed="true"]:has-text("Apart")')).toBe(true);
    await page.close();
  });

  it('answers SQL, and says what is wrong with what is no SQL', async () => {
    const { page } = await open();
    await drawn(page);
    await page.fill(
      '#find',
      `select ordinal, icount from accesses where ordinal = ${known.ordinal}`,
    );
    await page.keyboard.press('Enter');
    await page.waitForSelector('.query-rows td', { timeout: 60_000 });
    expect(await page.textContent('.query-rows tbody')).toBe(`${known.ordinal}${known.icount}`);
    await page.fill('#find', 'select nonsense from nowhere');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.refusal:has-text("nowhere")', { timeout: 60_000 });
    const said = (await page.textContent('.query [role="alert"]')) ?? '';
    // What one can do in the page, and not what one could in a terminal.
    expect(said).toContain('“Tables and columns”, at the right');
    expect(said).not.toContain('--');
    await page.click('button:has-text("Tables and columns")');
    await page.waitForSelector('.query-rows td:has-text("icount, pc, vaddr")', { timeout: 60_000 });
    expect(await page.textContent('.query-rows')).toContain('address_spaces');
    await page.close();
  });

  it('sums up a window that is brushed', async () => {
    const { page } = await open();
    await drawn(page);
    const map = await page.locator('#map').boundingBox();
    if (map === null) throw new Error('no map');
    await page.click('button:has-text("Select")');
    await page.mouse.move(map.x + 100, map.y + 20);
    await page.mouse.down();
    await page.mouse.move(map.x + 300, map.y + map.height - 5, { steps: 4 });
    await page.mouse.up();
    await page.waitForSelector('.command code', { timeout: 60_000 });
    const command = (await page.textContent('.command code')) ?? '';
    expect(command).toMatch(/^loadstore \w+ .*--from \d+ --to \d+/);
    const total = (await page.textContent('.summary .figures dd')) ?? '';
    expect(Number(total.replaceAll(',', ''))).toBeGreaterThan(1000);
    await page.close();
  });

  it('names the command that prints what a list has', async () => {
    const windows = [
      { from: FROM, to: FROM + 300 },
      {
        from: FROM,
        to: FROM + 20_000,
        space: 'virtual',
        lowAddress: known.vaddr,
        highAddress: '0x10000000000000000',
      },
    ];
    for (const window of windows) {
      const { command } = await viewer.ask<CommandReply>('command', { ...window, verb: 'dump' });
      const [program, ...rest] = command.split(' ');
      expect(program).toBe('loadstore');
      const { exitCode, out } = await runLoadstore(...rest, '--json');
      expect(exitCode).toBe(0);
      const printed = out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as DumpRow).ordinal);
      const list: number[] = [];
      for (;;) {
        const { rows, total, counted } = await viewer.ask<AccessesReply>('accesses', {
          ...{ ...window, offset: list.length, count: 1000 },
        });
        list.push(...rows.map(({ ordinal }) => ordinal));
        if (counted && list.length >= total) break;
      }
      expect(printed).toEqual(list);
    }
    const empty = await viewer.refusal('command', { from: 5, to: 5, verb: 'dump' });
    expect(empty.error).toBe('bad-request');
    expect((await viewer.refusal('command', { from: 5, to: 6, verb: 'rm' })).error).toBe(
      'bad-request',
    );
  });

  it('says so when the trace is damaged, gone, or the server is', async () => {
    const other = path.join(folder.path, 'other.memtrace');
    copyFileSync(trace, other);
    const size = readFileSync(other).length;
    const second = await startViewer(other);
    await second.settled();
    const { page } = await open('', second.url);
    await drawn(page);
    // Not the header, not the index at the end: bytes of chunks.
    const file = openSync(other, 'r+');
    for (let at = Math.floor(size * 0.3); at < size * 0.7; at += 4096) {
      writeSync(file, Buffer.alloc(64, 0xa5), 0, 64, at);
    }
    await page.fill('#find', `#${known.ordinal}`);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.banner');
    await page.click('.banner button[aria-label^="Close"]');
    expect(await page.locator('.plot canvas').count()).toBe(5);
    rmSync(other);
    await page.waitForSelector('.banner[data-kind="gone"]', { timeout: 20_000 });
    await second.stop();
    await page.waitForSelector('.banner[data-kind="unreachable"]', { timeout: 20_000 });
    await page.close();
  });
});
