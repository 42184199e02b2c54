// SPDX-License-Identifier: Apache-2.0
// Symbols of the demo guest's kernel, and its programs, for any trace of that kernel, told by the digest of what was
// booted.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { requireGuestParts } from './guest-parts.ts';
import { symbolsFileOf } from './symbols-boot.ts';

/** A file that was booted, as the trace's header tells. */
export interface BootedImage {
  readonly bytes: number | undefined;
  readonly sha256: string | undefined;
}

/**
 * When the demo's kernel is among the images: its kallsyms text, once a demo has fetched that, and the busybox that the
 * demo runs, which may not be what this trace ran.
 */
export async function findKnownSymbols(
  cacheFolder: string,
  images: readonly BootedImage[],
): Promise<readonly string[]> {
  try {
    const parts = await requireGuestParts(cacheFolder);
    const { size } = await stat(parts.kernelFile);
    const alike = images.filter(({ bytes, sha256 }) => bytes === size && sha256 !== undefined);
    if (alike.length === 0) return [];
    const digest = createHash('sha256')
      .update(await readFile(parts.kernelFile))
      .digest('hex');
    if (!alike.some(({ sha256 }) => sha256 === digest)) return [];
    return [symbolsFileOf(parts), parts.busyboxFile].filter((file) => existsSync(file));
  } catch {
    // No demo guest here: nothing is known.
    return [];
  }
}
