// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chooseQemu } from '../capture/index.ts';
import { recordGuest } from './micro-guest.ts';

const FAKE = path.join(import.meta.dirname, '..', '..', 'test', 'fakes', 'fake-qemu.mjs');
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'micro-guest-'));
  vi.stubEnv('LOADSTORE_RUNTIME', path.join(folder, 'run'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

describe('a guest that is not recorded', () => {
  it.each([
    ['bad-argument', 'could not open kernel file'],
    ['refuses-api', 'plugin requires API version 4'],
  ])('%s: QEMU has the word', async (behaviour, said) => {
    vi.stubEnv('FAKE_QEMU', behaviour);
    const recorded = recordGuest({
      guest: {
        ...{ name: 'a', image: path.join(folder, 'none') },
        ...{ symbols: new Map(), machines: [], lines: [] },
      },
      machine: {
        ...{ name: '', vcpus: 1, thread: 'single', machine: 'pc', memoryMib: 16 },
        ...{ accelerator: '', extraArguments: [], needs: undefined },
      },
      qemu: await chooseQemu({ named: FAKE, searchPath: '', cacheFolder: folder }),
      pluginFile: '/p/loadstore.so',
    });
    await expect(recorded).rejects.toThrow(said);
  });
});
