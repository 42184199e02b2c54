// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { takeMallocSettings } from './malloc-settings.ts';

const PROGRAM = path.join(import.meta.dirname, '..', '..', 'bin', 'loadstore');

/** What it is told by whoever starts it goes to $REPORT.own, what the one was told by whom it is started to $REPORT.parent. */
const QEMU = `#!/bin/sh
tr '\\0' '\\n' < /proc/$PPID/environ > "$REPORT.parent"
tr '\\0' '\\n' < /proc/$PPID/cmdline > "$REPORT.words"
env > "$REPORT.own"
echo 'QEMU emulator version 10.0.2'
`;

function mallocLines(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('MALLOC_'))
    .sort();
}

it('are those of the process that does the work, and of no other', {
  timeout: 60_000,
}, async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'loadstore-malloc-'));
  try {
    const report = path.join(folder, 'report');
    const qemu = path.join(folder, 'qemu');
    await writeFile(qemu, QEMU, { mode: 0o755 });
    const searchPath = `${path.dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
    const env = { ...process.env, PATH: searchPath, REPORT: report };
    // That it records nothing is not what this is about.
    await promisify(execFile)(PROGRAM, ['doctor', '--qemu', qemu], { env }).catch(() => undefined);
    expect(mallocLines(await readFile(`${report}.parent`, 'latin1'))).toEqual([
      'MALLOC_ARENA_MAX=1',
      'MALLOC_MMAP_THRESHOLD_=1048576',
      'MALLOC_TRIM_THRESHOLD_=8388608',
    ]);
    expect((await readFile(`${report}.words`, 'latin1')).split('\n')[1]).toBe(
      '--max-semi-space-size=2',
    );
    expect(mallocLines(await readFile(`${report}.own`, 'latin1'))).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('are taken out of the environment, and nothing else is', () => {
  const env = { MALLOC_ARENA_MAX: '1', MALLOC_PERTURB_: '7', PATH: '/bin' };
  expect(takeMallocSettings(env)).toEqual({ MALLOC_ARENA_MAX: '1' });
  expect(env).toEqual({ MALLOC_PERTURB_: '7', PATH: '/bin' });
});
