// SPDX-License-Identifier: Apache-2.0
// The viewer's page in Chromium before a server whose trace is made up, and what tests of it look at.

import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { launchChromium } from '../../src/cli/chromium.ts';
import { type FakeServer, startFakeServer } from '../fakes/viewer-server.ts';
import { mapColours } from './map-picture.ts';

const BUILT = fileURLToPath(new URL('../../dist/viewer/', import.meta.url));
export const ACCESSES: number = 1 << 20;

export interface Opened {
  readonly page: Page;
  readonly server: FakeServer;
  /** What the browser complained of. */
  readonly complaints: readonly string[];
}

export interface OpenOptions {
  readonly server?: FakeServer;
  readonly colorScheme?: 'light' | 'dark';
  readonly hasTouch?: boolean;
  /** Before anything is asked. */
  readonly prepare?: (page: Page) => Promise<void>;
}

export interface FakeViewer {
  readonly start: (accesses?: number) => Promise<FakeServer>;
  readonly open: (hash?: string, options?: OpenOptions) => Promise<Opened>;
}

/** Starts and ends with the tests that are around it. */
export function fakeViewer(): FakeViewer {
  let browser: Browser;
  const servers: FakeServer[] = [];

  beforeAll(async () => {
    browser = await launchChromium(process.env['PATH'] ?? '');
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all(servers.map(async (server) => server.close()));
  });

  async function start(accesses = ACCESSES): Promise<FakeServer> {
    const server = await startFakeServer(BUILT, accesses);
    servers.push(server);
    return server;
  }

  async function open(hash = '', options: OpenOptions = {}): Promise<Opened> {
    const { colorScheme = 'dark', hasTouch = false, prepare } = options;
    const server = options.server ?? (await start());
    const viewport = { width: 1280, height: 720 };
    const page = await browser.newPage({ colorScheme, hasTouch, viewport });
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url)) complaints.push(`asks for ${request.url()}`);
    });
    await prepare?.(page);
    await page.goto(server.url + hash);
    return { page, server, complaints };
  }
  return { start, open };
}

/** Waits until the map does not change any more; its picture. */
export async function picture(page: Page): Promise<string> {
  const read = async (): Promise<string> => {
    const url = await page.evaluate("document.querySelector('.map canvas').toDataURL()");
    return String(url);
  };
  let before = '';
  for (let i = 0; i < 40; i++) {
    const now = await read();
    if (now === before && (await mapColours(page)) > 1) return now;
    before = now;
    await page.waitForTimeout(150);
  }
  throw new Error('the map never came to rest');
}

export interface Shown {
  readonly from: number;
  readonly to: number;
  readonly low: number;
  readonly high: number;
}

export function viewOf(page: Page): Shown {
  const query = new URLSearchParams(new URL(page.url()).hash.slice(1));
  const number = (name: string): number => Number(query.get(name));
  return { from: number('from'), to: number('to'), low: number('low'), high: number('high') };
}

/** Until the URL says something else. */
export async function change(page: Page, act: () => Promise<void>): Promise<void> {
  const before = page.url();
  await act();
  await page.waitForURL((url) => url.href !== before);
}

export async function focusMap(page: Page): Promise<void> {
  await page.focus('#map');
}
