// SPDX-License-Identifier: Apache-2.0
// What the viewer's map shows.

import type { Page } from 'playwright-core';

/** How many colours the map has: 1 is an empty one. */
export async function mapColours(page: Page): Promise<number> {
  // A string: it runs in the browser, whose types are not those of the tests.
  const count = await page.evaluate(`(() => {
    const canvas = document.querySelector('.map canvas');
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  })()`);
  return Number(count);
}
