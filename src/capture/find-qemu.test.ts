// SPDX-License-Identifier: Apache-2.0
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chooseQemu, findQemus, probePluginSupport } from './find-qemu.ts';

const FAKE = path.join(import.meta.dirname, '..', '..', 'test', 'fakes', 'fake-qemu.mjs');
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'loadstore-test-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Timers that keep the process alive, Node's own ones too. */
function countTimers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

describe('a QEMU that is not there', () => {
  it('leaves no timer that keeps the program from ending', async () => {
    const before = countTimers();
    const missing = path.join(folder, 'qemu');
    const { found, broken } = await findQemus({
      named: missing,
      searchPath: '',
      cacheFolder: folder,
    });
    expect(found).toEqual([]);
    expect(broken).toEqual([{ path: missing, origin: 'named', problem: 'no such file' }]);
    expect(await probePluginSupport(missing)).toEqual({ has: false, why: 'no such file' });
    expect(countTimers()).toBeLessThanOrEqual(before);
  });

  it('is left out when there are others', async () => {
    copyFileSync(FAKE, path.join(folder, 'qemu-system-x86_64'));
    const remedyOf = async (search: {
      named?: string;
      environment?: string;
      searchPath: string;
    }): Promise<unknown> =>
      chooseQemu({ cacheFolder: folder, ...search }).then(
        () => undefined,
        (error: unknown) => (error instanceof Error && 'remedy' in error ? error.remedy : error),
      );
    const searchPath = `${folder}:${path.dirname(process.execPath)}`;
    expect(await remedyOf({ named: '/no/such', searchPath })).toBe(
      'leave --qemu out, or name another (loadstore doctor lists them)',
    );
    expect(await remedyOf({ environment: '/no/such', searchPath })).toBe(
      'unset LOADSTORE_QEMU, or name another (loadstore doctor then lists them)',
    );
    expect(await remedyOf({ named: '/no/such', environment: '/no/such', searchPath: '' })).toBe(
      'npm run setup, or name one that runs: --qemu PATH',
    );
  });
});

describe('whether trace events go to the log', () => {
  /** A QEMU whose `-d help` is this. */
  const logsTraces = async (help: string): Promise<boolean> => {
    const named = path.join(folder, 'qemu');
    const answer =
      'if [ "$1" = -d ]; then printf "$HELP"; else echo "QEMU emulator version 10.0.2"; fi';
    writeFileSync(named, `#!/bin/sh\nHELP='${help}'\n${answer}\n`, { mode: 0o755 });
    return (await chooseQemu({ named, searchPath: '', cacheFolder: folder })).logsTraces;
  };

  it('is what -d help says', async () => {
    const items = 'Log items (comma separated):\\nint             show interrupts\\n';
    expect(await logsTraces(`${items}trace:PATTERN   enable trace events\\n`)).toBe(true);
    expect(await logsTraces(`${items}exec            show trace: of blocks\\n`)).toBe(false);
    expect(await logsTraces('')).toBe(false);
  });
});
