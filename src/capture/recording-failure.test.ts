// SPDX-License-Identifier: Apache-2.0
// What fails after QEMU was started must not leave it running.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { chooseQemu, isAlive, startRecording } from './index.ts';
import type * as RunFolder from './run-folder.ts';

const FAKE = path.join(import.meta.dirname, '..', '..', 'test', 'fakes', 'fake-qemu.mjs');
const started = vi.hoisted(() => ({ pid: 0 }));
let folder = '';

vi.mock(import('./run-folder.ts'), async (importOriginal) => ({
  ...(await importOriginal()),
  writeRunEntry: (_folder: string, entry: RunFolder.RunEntry): void => {
    started.pid = entry.qemuPid;
    throw new Error('the run folder is full');
  },
}));

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'loadstore-test-'));
  vi.stubEnv('LOADSTORE_RUNTIME', path.join(folder, 'run'));
  vi.stubEnv('FAKE_QEMU', 'obeys');
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

it('kills QEMU, tidies up and brings a replaced file back', async () => {
  const outputFile = path.join(folder, 'a.memtrace');
  writeFileSync(outputFile, 'precious');
  const recording = startRecording({
    qemu: await chooseQemu({ named: FAKE, searchPath: '', cacheFolder: folder }),
    pluginFile: '/p/loadstore.so',
    outputFile,
    force: true,
    guestArguments: ['-m', '32'],
    limits: {},
    startPaused: false,
    events: true,
    terminal: 'none',
  });
  await expect(recording).rejects.toThrow('the run folder is full');
  expect(started.pid).not.toBe(0);
  expect(isAlive(started.pid)).toBe(false);
  expect(readdirSync(path.join(folder, 'run'))).toEqual([]);
  expect(readdirSync(folder).sort()).toEqual(['a.memtrace', 'run']);
  expect(readFileSync(outputFile, 'utf8')).toBe('precious');
});
