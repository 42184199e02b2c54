// SPDX-License-Identifier: Apache-2.0
// A trace that was damaged before it had an index: all else is shown, and what is not known is told. And who builds the
// index of a trace that several look at.

import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../src/cli/chromium.ts';
import type { AccessReply, FindReply, TraceReply, TracksReply } from '../../src/server/protocol.ts';
import { MAP_DAMAGED } from '../../src/viewer/palette.ts';
import { flipByteOfChunk } from './damaged-chunk.ts';
import {
  bootWords,
  demoGuest,
  makeFolder,
  PLUGIN_IS_BUILT,
  runLoadstore,
} from './run-loadstore.ts';
import { type RunningViewer, startViewer } from './running-viewer.ts';

/** Seven chunks. */
const ACCESSES = '28M';

describe.skipIf(!PLUGIN_IS_BUILT)('the viewer of a new trace', () => {
  const folder = makeFolder();
  const trace = path.join(folder.path, 'boot.memtrace');
  const indexFile = `${trace}.view`;
  let viewer: RunningViewer;

  beforeAll(async () => {
    const guest = await demoGuest();
    const boot = bootWords(guest, path.join(folder.path, 'console.txt'));
    const { exitCode } = await runLoadstore(
      ...['record', '-o', trace, '--limit-accesses', ACCESSES, '--', ...boot],
    );
    if (exitCode !== 0) throw new Error(`the boot was not recorded: exit code ${exitCode}`);
    viewer = await startViewer(trace);
    await viewer.settled();
  }, 300_000);

  afterAll(async () => {
    await viewer.stop();
    folder.remove();
  });

  it('shows a trace that was damaged before it had an index, and what it does not know', async () => {
    const copy = path.join(folder.path, 'damaged-first.memtrace');
    copyFileSync(trace, copy);
    const chunk = await flipByteOfChunk(copy, 3);
    const other = await startViewer(copy);
    const reply = await other.settled();
    const [from, to] = [chunk.firstOrdinal, chunk.firstOrdinal + chunk.accessCount];
    const why: unknown = expect.stringContaining(copy);
    expect(reply.damaged).toEqual([{ stream: 0, from, to, why }]);
    const count = (to - from).toLocaleString('en-US');
    expect(reply.index).toMatchObject({ state: 'ready', message: expect.stringContaining(count) });
    // What is known is as in the whole trace.
    const before = { from: 0, to: from, columns: 64 };
    const { known: _all, ...wanted } = await viewer.ask<TracksReply>('tracks', before);
    const { known, ...tracks } = await other.ask<TracksReply>('tracks', before);
    const whole = known.indexOf(false);
    expect(whole).toBeGreaterThan(10);
    expect(tracks.vcpus[0]?.loads.slice(0, whole)).toEqual(wanted.vcpus[0]?.loads.slice(0, whole));
    const inside = { from: from + 100_000, to: to - 100_000, columns: 16 };
    const unknown = await other.ask<TracksReply>('tracks', inside);
    expect(new Set(unknown.known)).toEqual(new Set([false]));
    expect(new Set(unknown.pages)).toEqual(new Set([null]));
    // Who asks about it is told; who asks about an access beside it is answered as far as that goes.
    const window = { from: from + 1000, to: from + 1009 };
    const refused = await other.refusal('accesses', { ...window, offset: 0, count: 9 });
    expect(refused).toMatchObject({ error: 'damaged', message: expect.stringContaining(copy) });
    const access = await other.ask<AccessReply>('access', { ordinal: to });
    expect(access.access.ordinal).toBe(to);
    const found = await other.ask<FindReply>('find', { q: '0x123456789000' });
    expect(found).toMatchObject({ kind: 'nothing', complete: false });
    await pageTells(other, (from + to) / 2 / (reply.streams[0]?.accesses ?? 1));
    const { err } = await other.stop();
    expect(err).toContain(`${count} accesses in 1 damaged part`);
    // Once it is whole again, so is its index.
    await flipByteOfChunk(copy, 3);
    const repaired = await startViewer(copy);
    const again = await repaired.settled();
    expect([again.damaged, again.index.message]).toEqual([[], null]);
    await repaired.stop();
  });

  it('is built once by two that look at the same new trace', async () => {
    const copy = path.join(folder.path, 'twice.memtrace');
    copyFileSync(trace, copy);
    const one = await startViewer(copy);
    const two = await startViewer(copy);
    await expect
      .poll(async () => (await two.ask<TraceReply>('trace')).index.message, { timeout: 20_000 })
      .toContain(`process ${one.pid} is building it`);
    expect((await two.settled()).index).toEqual({ state: 'ready', part: 1, message: null });
    expect((await one.settled()).index).toEqual({ state: 'ready', part: 1, message: null });
    expect(readFileSync(`${copy}.view`).length).toBe(readFileSync(indexFile).length);
    await Promise.all([one.stop(), two.stop()]);
    // One that dies is taken over.
    rmSync(`${copy}.view`);
    const dies = await startViewer(copy);
    const waits = await startViewer(copy);
    await expect
      .poll(async () => (await waits.ask<TraceReply>('trace')).index.message, { timeout: 20_000 })
      .toContain(`process ${dies.pid} is building it`);
    process.kill(dies.pid, 'SIGKILL');
    expect((await waits.settled()).index).toEqual({ state: 'ready', part: 1, message: null });
    await waits.stop();
  });
});

/** Lines of the stripes over what is not known: where across the map they are. */
const STRIPES = `(() => {
  const colours = ${JSON.stringify(Object.values(MAP_DAMAGED))};
  const canvas = document.querySelector('.map canvas');
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  const columns = new Set();
  for (let at = 0; at < data.length; at += 4) {
    const colour = '#' + (data[at] * 65536 + data[at + 1] * 256 + data[at + 2]).toString(16).padStart(6, '0');
    if (colours.includes(colour)) columns.add(((at / 4) % width) / width);
  }
  return [...columns];
})()`;

/** A banner, stripes, and no number where nothing is known. `place`: the middle of the damage, 0 to 1. */
async function pageTells(viewer: RunningViewer, place: number): Promise<void> {
  const browser = await launchChromium(process.env['PATH'] ?? '');
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    await page.goto(viewer.url);
    await page.waitForSelector('.over-map', { state: 'detached' });
    const banner = page.locator('.banner[data-kind="damaged"]');
    await expect.poll(async () => banner.innerText()).toContain('cannot be read');
    const map = await page.locator('#map').boundingBox();
    if (map === null) throw new Error('the page has no map');
    const middle = map.y + map.height / 2;
    await page.mouse.move(map.x + map.width * place, middle);
    const under = page.locator('.under');
    await expect.poll(async () => under.innerText()).toContain('damaged: not known');
    await page.mouse.move(map.x + map.width * (place / 2), middle);
    await expect.poll(async () => under.innerText()).toMatch(/\d loads, \d/);
    const columns: number[] = await page.evaluate(STRIPES);
    expect(columns.length).toBeGreaterThan(5);
    expect(Math.min(...columns)).toBeGreaterThan(place - 0.1);
    expect(Math.max(...columns)).toBeLessThan(place + 0.1);
  } finally {
    await browser.close();
  }
}
