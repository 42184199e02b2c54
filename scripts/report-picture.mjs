// SPDX-License-Identifier: Apache-2.0
// Takes pictures of a report's page, light and dark, for the documentation; from its title to the map of addresses, without
// the paths of the machine that it was recorded on:
//   ./bin/loadstore demo && node scripts/report-picture.mjs report.html docs/images/report

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { PROJECT_ROOT } from './run-command.mjs';

const WIDTH = 1180;

const [page, output] = process.argv.slice(2);
if (page === undefined || output === undefined) {
  throw new Error(
    'usage: node scripts/report-picture.mjs PAGE.html OUTPUT: OUTPUT-light.png, -dark.png',
  );
}
const { launchChromium } = await import(path.join(PROJECT_ROOT, 'dist', 'cli', 'chromium.js'));
const browser = await launchChromium(process.env['PATH'] ?? '');
try {
  for (const scheme of /** @type {const} */ (['light', 'dark'])) {
    const tab = await browser.newPage({
      colorScheme: scheme,
      viewport: { width: WIDTH, height: 1400 },
    });
    await tab.goto(pathToFileURL(path.resolve(page)).href);
    // A string: it runs in the browser, whose types are not those of scripts.
    const height = await tab.evaluate(`{
      const heading = [...document.querySelectorAll('h2')].find((one) => one.textContent === 'What ran');
      heading.closest('section').remove();
      window.dispatchEvent(new Event('resize'));
      document.querySelector('#heat').closest('section').getBoundingClientRect().bottom + 6;
    }`);
    await tab.waitForTimeout(500);
    const clip = { x: 0, y: 0, width: WIDTH, height: Math.ceil(Number(height)) };
    await tab.screenshot({ path: `${output}-${scheme}.png`, clip });
    await tab.close();
  }
} finally {
  await browser.close();
}
