// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { byteSourceFromBytes, openTraceSource } from '../format/index.ts';
import { randomTrace } from '../format/program.oracle.ts';
import { encodeTrace } from '../format/reference-encoder.oracle.ts';
import type { CliContext } from './command-spec.ts';
import { readGuestSymbols, readSource } from './guest-symbols.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'loadstore-test-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const fileWith = (name: string, content: string): string => {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
};

describe('a trace of the demo', () => {
  it('whose kernel is not in the cache folder says where that was looked for; any other says nothing', async () => {
    const { bytes } = encodeTrace(
      randomTrace({ seed: 5, blockCount: 9, executions: 20, streams: 1, oddity: 0 }),
    );
    const opened = await openTraceSource(byteSourceFromBytes(bytes));
    const said = async (image: string, ...symbols: string[]): Promise<string> => {
      let err = '';
      const recorder = {
        ...opened.header.recorder,
        images: [{ role: 'initrd', path: image, bytes: 6, sha256: undefined }],
      };
      const trace = { ...opened, header: { ...opened.header, recorder } };
      const context: CliContext = {
        ...{ env: { LOADSTORE_CACHE: folder }, program: 'loadstore', mallocSettings: {} },
        ...{ stdoutIsTerminal: false, stderrIsTerminal: false },
        writeOut: () => Promise.resolve(),
        writeBytes: () => Promise.resolve(),
        writeErr: (text) => {
          err += text;
        },
      };
      await readGuestSymbols(
        { words: [], options: new Map([['symbols', symbols]]) },
        context,
        trace,
      );
      return err;
    };
    const demo = '/c/demo-guest/initramfs.cpio';
    expect(await said(demo)).toMatch(
      new RegExp(
        `^loadstore: note: no names: .* is not in ${folder}; set LOADSTORE_CACHE to .*\\n$`,
      ),
    );
    expect(await said(demo, fileWith('k', 'ffffffff81000100 T start_kernel\n'))).not.toContain(
      'note',
    );
    expect(await said('/c/other.cpio')).toBe('');
  });
});

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
      ...{ kind: 'io', message: 'no such file' },
      facts: { file: path.join(folder, 'none'), remedy: expect.stringContaining('System.map') },
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
