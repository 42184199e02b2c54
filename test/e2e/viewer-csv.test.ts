// SPDX-License-Identifier: Apache-2.0
// The list as a file: every row of it, against the accesses one by one; and what comes instead where it cannot be had.

import { copyFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../src/cli/chromium.ts';
import type { Access, GuestRun } from '../../src/guests/index.ts';
import { csvLine } from '../../src/server/access-csv.ts';
import type { AccessesReply } from '../../src/server/protocol.ts';
import { flipByteOfChunk } from './damaged-chunk.ts';
import { recordGuestNamed } from './guest-sections.ts';
import { makeFolder, PLUGIN_IS_BUILT } from './run-loadstore.ts';
import { type RunningViewer, startViewer } from './running-viewer.ts';

describe.skipIf(!PLUGIN_IS_BUILT)('the list as CSV', () => {
  const folder = makeFolder();
  let run: GuestRun;
  let viewer: RunningViewer;
  const ends: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    run = await recordGuestNamed('smp', '');
    ends.push(async () => run.close());
    viewer = await startViewer(run.outcome.file);
    ends.push(async () => viewer.stop());
    await viewer.settled();
  });
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
    folder.remove();
  });

  const rowsOf = (bytes: Buffer): string[][] =>
    bytes
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
  const whole = (): { stream: number; from: number; to: number } => ({
    ...{ stream: 0, from: 0, to: run.accesses.length + 1000 },
  });

  it('has every row, aborted ones too', async () => {
    const [names, ...rows] = rowsOf(await viewer.bytes('csv', whole()));
    expect(names?.slice(0, 8).join(' ')).toBe('ordinal icount vcpu cpl kind size vaddr paddr');
    const hex = (address: bigint): string => `0x${address.toString(16)}`;
    expect(rows.map((row) => row.slice(0, 6))).toEqual(
      run.accesses.map(({ ordinal, icount, vcpu, cpl, store, size }) => [
        ...[ordinal, icount, vcpu, cpl, store ? 'store' : 'load', size].map(String),
      ]),
    );
    expect(rows.map((row) => row[6])).toEqual(
      run.accesses.map(({ origin, vaddr }) => (origin === 'pageWalk' ? '' : hex(vaddr))),
    );
    const last = rows.at(-1)?.slice(-2);
    expect(last).toEqual(['false', String(run.accesses.at(-1)?.aborted)]);
  });

  it('says of each row what the list says', async () => {
    const lines = (await viewer.bytes('csv', whole())).toString().trimEnd().split('\n').slice(1);
    const instructions = new Set<string | null>();
    for (const offset of [0, Math.floor(run.accesses.length / 2), run.accesses.length - 1000]) {
      const part = { ...whole(), offset, count: 1000 };
      const { rows } = await viewer.ask<AccessesReply>('accesses', part);
      const texts = rows.map((row) => csvLine(row).trimEnd());
      expect(lines.slice(offset, offset + 1000)).toEqual(texts);
      for (const { disassembly } of rows) instructions.add(disassembly);
    }
    expect(instructions.size).toBeGreaterThan(10);
  });

  it('of some addresses has the accesses that touch them', async () => {
    const touches = ({ vaddr, size, origin }: Access, low: bigint): boolean =>
      origin !== 'pageWalk' && vaddr < low + 64n && vaddr + BigInt(size) > low;
    const { vaddr = 0n } = run.accesses[Math.floor(run.accesses.length / 2)] ?? {};
    const low = (vaddr / 64n) * 64n;
    const range = {
      ...{ space: 'virtual', lowAddress: `0x${low.toString(16)}` },
      highAddress: `0x${(low + 64n).toString(16)}`,
    };
    const [, ...rows] = rowsOf(await viewer.bytes('csv', { ...whole(), ...range }));
    const wanted = run.accesses.filter((access) => touches(access, low));
    expect(rows.map(([ordinal]) => Number(ordinal))).toEqual(wanted.map(({ ordinal }) => ordinal));
    expect(wanted.length).toBeGreaterThan(0);
    const nothing = { ...range, lowAddress: '0x7000', highAddress: '0x7040', from: 5, to: 6 };
    expect(rowsOf(await viewer.bytes('csv', { stream: 0, ...nothing }))).toHaveLength(1);
  });

  it('is refused, in words, where a part of it cannot be read', async () => {
    const file = path.join(folder.path, 'damaged.memtrace');
    copyFileSync(run.outcome.file, file);
    await flipByteOfChunk(file, 0);
    const broken = await startViewer(file);
    try {
      await broken.settled();
      expect(await broken.refusal('csv', whole())).toMatchObject({
        error: 'damaged',
        message: expect.stringContaining('cannot be read'),
      });
    } finally {
      await broken.stop();
    }
  });

  it('is what Chromium saves, and what it is told instead', async () => {
    const browser = await launchChromium(process.env['PATH'] ?? '');
    try {
      const page = await browser.newPage();
      await page.goto(`${viewer.url}#tab=list&list=all`);
      await page.waitForSelector('.row[data-ordinal="0"]');
      const save = async (): Promise<void> => {
        await page.click('button:has-text("Export")');
        await page.click('[role="menuitem"]:has-text("Accesses as CSV")');
        await page.keyboard.press('Escape');
      };
      const [download] = await Promise.all([page.waitForEvent('download'), save()]);
      expect(download.suggestedFilename()).toMatch(/-accesses\.csv$/);
      const saved = path.join(folder.path, 'saved.csv');
      await download.saveAs(saved);
      const bytes = await viewer.bytes('csv', whole());
      expect(statSync(saved).size).toBe(bytes.byteLength);
      await page.click('button:has-text("Export")');
      const said = await page.textContent('.menu-items p');
      expect(said).toContain(`${run.accesses.length.toLocaleString('en')} rows, some `);
      await page.keyboard.press('Escape');
      await viewer.stop();
      await save();
      await page.waitForSelector('.banner[data-kind="unreachable"]');
    } finally {
      await browser.close();
    }
  });
});
