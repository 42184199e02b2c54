// SPDX-License-Identifier: Apache-2.0
// Takes pictures of the viewer for docs/: the built `loadstore view` on a trace of the demo, in Chromium.
//
//   node scripts/viewer-picture.mjs TRACE [INDEX]

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from './run-command.mjs';

const FOLDER = path.join(PROJECT_ROOT, 'docs', 'images');
/** Opened with that view; then what is asked, as a reader would. */
const PICTURES = /** @type {const} */ ([
  { file: 'viewer.png', scheme: 'dark', hash: '', find: null, colours: 'Together' },
  { file: 'viewer-access.png', scheme: 'light', hash: '', find: '#52000000', colours: 'Apart' },
  {
    file: 'viewer-window.png',
    scheme: 'light',
    hash: '#select=121000000,161000000,17000,27000&tab=list',
    find: null,
    colours: 'Together',
  },
]);
const PATIENCE_MS = 600_000;
const REST_MS = 4000;

const [trace, index] = process.argv.slice(2);
if (trace === undefined) throw new Error('usage: node scripts/viewer-picture.mjs TRACE [INDEX]');
const words = [
  'view',
  trace,
  '--no-open',
  '--json',
  ...(index === undefined ? [] : ['--index', index]),
];
const server = spawn(process.execPath, [path.join(PROJECT_ROOT, 'bin', 'loadstore'), ...words], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const url = await new Promise((resolve) => {
  let text = '';
  server.stdout.on('data', (part) => {
    text += String(part);
    if (text.includes('\n')) resolve(JSON.parse(text).url);
  });
});
const { launchChromium } = await import(path.join(PROJECT_ROOT, 'dist', 'cli', 'chromium.js'));
const browser = await launchChromium(process.env['PATH'] ?? '');
mkdirSync(FOLDER, { recursive: true });
for (const { file, scheme, hash, find, colours } of PICTURES) {
  const page = await browser.newPage({
    colorScheme: scheme,
    viewport: { width: 1280, height: 720 },
  });
  await page.goto(url + hash);
  await page.waitForSelector('.over-map', { state: 'detached', timeout: PATIENCE_MS });
  await page.click(`.map-head button:has-text("${colours}")`);
  if (find !== null) {
    await page.fill('#find', find);
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-fact="pc"]', { timeout: PATIENCE_MS });
    await page.waitForTimeout(REST_MS);
    await page.keyboard.press('f');
  }
  if (hash.includes('select=')) {
    await page.waitForSelector('.summary .command code', { timeout: PATIENCE_MS });
  }
  await page.waitForTimeout(REST_MS);
  await page.screenshot({ path: path.join(FOLDER, file) });
  await page.close();
}
await browser.close();
server.kill('SIGINT');
