// SPDX-License-Identifier: Apache-2.0
// The two kinds of files that the server knows: the trace, which is watched, and the page, which is read once.

import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { UserError } from '../base/index.ts';
import { watchFile } from './fingerprint.ts';
import { readPageFiles } from './page-files.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'loadstore-files-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a trace that is watched', () => {
  it.each([
    ['written to', 'it was replaced or written to', (file: string) => appendFileSync(file, 'x')],
    ['deleted', 'no such file', (file: string) => rmSync(file)],
    [
      'replaced by one of the same size',
      'it was replaced or written to',
      (file: string) => {
        writeFileSync(`${file}.new`, 'other');
        renameSync(`${file}.new`, file);
      },
    ],
  ])('is gone when it was %s', async (what, why, change) => {
    const file = path.join(folder, what);
    writeFileSync(file, 'trace');
    const watch = await watchFile(file);
    expect(watch.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect((await watchFile(file)).fingerprint).toBe(watch.fingerprint);
    await watch.requireSame();
    change(file);
    const refusal = {
      body: { error: 'gone', message: expect.stringContaining(`${file}: ${why}`) },
    };
    await expect
      .poll(async () => watch.requireSame().catch((error: unknown) => error))
      .toMatchObject(refusal);
  });
});

describe('the page', () => {
  it('is what was built, by path, with its types; nothing else of the folder', async () => {
    const page = path.join(folder, 'page');
    mkdirSync(path.join(page, 'assets'), { recursive: true });
    writeFileSync(path.join(page, 'index.html'), '<!doctype html>');
    writeFileSync(path.join(page, 'assets', 'a.js'), '1');
    writeFileSync(path.join(page, 'assets', 'a.js.map'), '{}');
    const files = await readPageFiles(page);
    expect([...files.keys()].sort()).toEqual(['assets/a.js', 'index.html']);
    expect(files.get('assets/a.js')?.type).toBe('text/javascript; charset=utf-8');
  });

  it('that was not built is told with what to do', async () => {
    for (const missing of [path.join(folder, 'none'), path.join(folder, 'page', 'assets')]) {
      const error: unknown = await readPageFiles(missing).catch((one: unknown) => one);
      expect(error).toBeInstanceOf(UserError);
      expect(error).toMatchObject({
        message: expect.stringContaining("the viewer's page is not there"),
        remedy: expect.stringContaining('npm run build'),
      });
    }
  });
});
