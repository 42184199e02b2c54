// SPDX-License-Identifier: Apache-2.0
// Is the file still the one that was opened?

import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { describeSystemError } from '../base/index.ts';
import { Refusal } from './refusal.ts';

export interface FileWatch {
  /** The same for the same file, as long as nobody writes to it. */
  readonly fingerprint: string;
  /** Throws Refusal 'gone' when the file was removed, replaced or written to. Looks again at most every CHECK_MS. */
  requireSame(): Promise<void>;
}

const CHECK_MS = 250;

/** Throws what the file system says. */
export async function watchFile(file: string): Promise<FileWatch> {
  const fingerprint = await fingerprintOf(file);
  let checkedMs = performance.now();
  let why: string | undefined;
  const look = async (): Promise<string | undefined> => {
    try {
      const now = await fingerprintOf(file);
      return now === fingerprint ? undefined : 'it was replaced or written to';
    } catch (error) {
      return describeSystemError(error);
    }
  };
  return {
    fingerprint,
    async requireSame() {
      if (performance.now() - checkedMs > CHECK_MS) {
        why = await look();
        checkedMs = performance.now();
      }
      if (why === undefined) return;
      throw new Refusal(
        'gone',
        `${file}: ${why}. What is shown is from before; start "loadstore view" again`,
      );
    },
  };
}

async function fingerprintOf(file: string): Promise<string> {
  const { dev, ino, size, mtimeNs } = await stat(file, { bigint: true });
  const text = [dev, ino, size, mtimeNs].join(' ');
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
