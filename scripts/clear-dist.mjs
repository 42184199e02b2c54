// SPDX-License-Identifier: Apache-2.0
// Removes from dist/ what the compiler made of sources that are not there any more: it would be packed, and found by
// an import that should fail.

import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

/** What tsc writes for a source. */
const COMPILED = /\.(?:js|d\.ts)(?:\.map)?$/;

/**
 * Files of a folder whose name begins with a dot are left alone.
 * @param {string} sources
 * @param {string} outputs
 * @returns {string[]} what was removed, from `outputs`
 */
export function clearOrphans(sources, outputs) {
  const orphans = readdirSync(outputs, { recursive: true, encoding: 'utf8' }).filter((file) => {
    if (!COMPILED.test(file) || file.startsWith('.')) return false;
    const source = path.join(sources, file.replace(COMPILED, '.ts'));
    return !existsSync(source) && !existsSync(`${source}x`);
  });
  for (const file of orphans) rmSync(path.join(outputs, file));
  return orphans.sort();
}
