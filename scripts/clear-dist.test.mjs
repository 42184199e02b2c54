// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { clearOrphans } from './clear-dist.mjs';

it('removes what was compiled from sources that are gone, and nothing else', () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'clear-'));
  const write = (/** @type {string} */ file) => {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), '');
  };
  try {
    const kept = ['index.js', 'a/here.js', 'a/here.d.ts.map', 'a/view.js', 'a/page.css', 'a/x.bin'];
    const gone = ['a/renamed.d.ts', 'a/renamed.js', 'a/renamed.js.map', 'old/module.d.ts.map'];
    for (const file of ['index.ts', 'a/here.ts', 'a/view.tsx']) write(`src/${file}`);
    for (const file of [...kept, ...gone, '.tsbuild/scripts/x.d.ts']) write(`dist/${file}`);
    const [sources, outputs] = [path.join(root, 'src'), path.join(root, 'dist')];
    expect(clearOrphans(sources, outputs)).toEqual(gone);
    const left = readdirSync(outputs, { recursive: true, encoding: 'utf8' });
    expect(left).toEqual(expect.arrayContaining([...kept, '.tsbuild/scripts/x.d.ts']));
    expect(left.filter((file) => gone.includes(file))).toEqual([]);
    expect(clearOrphans(sources, outputs)).toEqual([]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
