// SPDX-License-Identifier: Apache-2.0
// The same QEMU with the same guest and without the recorder: what a recording is compared with.

import { spawn } from 'node:child_process';
import { ExitCode, UserError } from '../base/index.ts';
import type { QemuProgram } from './find-qemu.ts';
import { readPeakRssBytes } from './recording.ts';

export interface PlainRun {
  /** From the start of QEMU's process to its end. */
  readonly wallSeconds: number;
  readonly peakRssBytes: number;
}

const WATCH_INTERVAL_MS = 100;
const SAID_LIMIT = 4096;

/** Runs a guest to its end, accelerated as a recording is. Throws UserError 'environment' when QEMU fails. */
export async function runUntraced(
  qemu: QemuProgram,
  guestArguments: readonly string[],
  signal?: AbortSignal,
): Promise<PlainRun> {
  const args = [...guestArguments, '-accel', 'tcg,thread=single'];
  const startedMs = performance.now();
  const child = spawn(qemu.path, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(signal === undefined ? {} : { signal }),
  });
  let said = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text: string) => {
    said = (said + text).slice(-SAID_LIMIT);
  });
  let peakRssBytes = 0;
  const timer = setInterval(() => {
    peakRssBytes = Math.max(peakRssBytes, readPeakRssBytes(child.pid ?? 0));
  }, WATCH_INTERVAL_MS);
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => {
    clearInterval(timer);
  });
  if (exitCode !== 0) {
    throw new UserError(
      ExitCode.environment,
      `QEMU without the recorder ended with exit code ${exitCode}; it said:\n  ${said.trim()}`,
      'try the QEMU arguments by hand',
    );
  }
  return { wallSeconds: (performance.now() - startedMs) / 1000, peakRssBytes };
}
