// SPDX-License-Identifier: Apache-2.0
// A QEMU without the recorder that is ended when it takes too long.

import { spawn } from 'node:child_process';
import { describeSystemError, ExitCode, UserError } from '../base/index.ts';
import type { QemuProgram } from './find-qemu.ts';

export interface BoundedRun {
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  /** The last it wrote to stderr. */
  readonly said: string;
}

const SAID_LIMIT = 4096;

/** Throws UserError 'environment' when it cannot be started, and what stopped it when the signal did. */
export async function runBounded(
  qemu: QemuProgram,
  args: readonly string[],
  limitMs: number,
  signal?: AbortSignal,
): Promise<BoundedRun> {
  signal?.throwIfAborted();
  const child = spawn(qemu.path, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text: string) => {
    said = (said + text).slice(-SAID_LIMIT);
  });
  let timedOut = false;
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, limitMs);
  signal?.addEventListener('abort', kill);
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (error) => {
        reject(new UserError(ExitCode.environment, `${qemu.path}: ${describeSystemError(error)}`));
      });
      child.once('close', resolve);
    });
    signal?.throwIfAborted();
    return { exitCode, timedOut, said };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
  }
}
