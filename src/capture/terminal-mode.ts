// SPDX-License-Identifier: Apache-2.0
// QEMU puts the terminal into raw mode for the guest's console. When it dies without its farewell, the
// terminal is put back here.

import { spawnSync } from 'node:child_process';

/** Remembers the terminal's mode; the returned function restores it. Nothing happens without a terminal. */
export function rememberTerminalMode(): () => void {
  if (!process.stdin.isTTY) return () => undefined;
  const mode = spawnSync('stty', ['-g'], {
    stdio: ['inherit', 'pipe', 'ignore'],
    encoding: 'utf8',
  });
  const saved = mode.status === 0 ? mode.stdout.trim() : '';
  return () => {
    if (saved !== '') spawnSync('stty', [saved], { stdio: ['inherit', 'ignore', 'ignore'] });
  };
}
