// SPDX-License-Identifier: Apache-2.0
// What the build made for the page of a report.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { PageAssets } from '../report/index.ts';

export async function readPageAssets(
  folder: URL = new URL('../report-page/', import.meta.url),
): Promise<PageAssets> {
  const text = await readFile(new URL('page.js', folder), 'utf8');
  const sha256 = createHash('sha256').update(text).digest('base64');
  return {
    styles: [await readFile(new URL('page.css', folder), 'utf8')],
    scripts: [{ text, sha256 }],
  };
}
