// SPDX-License-Identifier: Apache-2.0
// Debian's Chromium, without a window.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium } from 'playwright-core';

export async function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox'] });
}

function findChromium(): string {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const found = folders.map((folder) => path.join(folder, 'chromium')).find(existsSync);
  if (found === undefined) throw new Error('chromium is not installed: npm run setup');
  return found;
}
