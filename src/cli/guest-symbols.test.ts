// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSource } from './guest-symbols.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'loadstore-test-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const fileWith = (name: string, content: string): string => {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
};

describe('a file of symbols', () => {
  it('is told by what it holds', async () => {
    const file = fileWith('whatever.bin', 'ffffffff81000100 T start_kernel\n');
    expect(await readSource(file, {})).toMatchObject({ file, source: { kind: 'kernel' } });
  });

  it('that cannot be read says why, with its name', async () => {
    const text = fileWith('notes.txt', 'buy milk\n');
    await expect(readSource(text, {})).rejects.toMatchObject({
      message: 'line 1 is not a symbol',
      facts: { file: text },
    });
    await expect(readSource(folder, {})).rejects.toMatchObject({
      message: 'it is not a regular file',
      facts: { file: folder },
    });
    await expect(readSource(path.join(folder, 'none'), {})).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it('beyond what can be read says how to make it smaller', async () => {
    const file = fileWith('vmlinux', '');
    truncateSync(file, 2 ** 31);
    await expect(readSource(file, {})).rejects.toMatchObject({
      kind: 'limit',
      facts: { file, remedy: `strip --strip-debug -o SMALLER ${file}` },
    });
  });
});
