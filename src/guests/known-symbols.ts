// SPDX-License-Identifier: Apache-2.0
// Symbols of the demo guest's kernel for any trace of it, told by the digest of the kernel that was booted.

import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { requireGuestParts } from './guest-parts.ts';
import { symbolsFileOf } from './symbols-boot.ts';

/** A file that was booted, as the trace's header tells. */
export interface BootedImage {
  readonly bytes: number | undefined;
  readonly sha256: string | undefined;
}

/** The kallsyms text of the demo's kernel when that is among the images, and set-up and a demo have run. */
export async function findKnownSymbols(
  cacheFolder: string,
  images: readonly BootedImage[],
): Promise<string | undefined> {
  try {
    const parts = await requireGuestParts(cacheFolder);
    const { size } = await stat(parts.kernelFile);
    const alike = images.filter(({ bytes, sha256 }) => bytes === size && sha256 !== undefined);
    if (alike.length === 0) return undefined;
    const digest = createHash('sha256')
      .update(await readFile(parts.kernelFile))
      .digest('hex');
    if (!alike.some(({ sha256 }) => sha256 === digest)) return undefined;
    const file = symbolsFileOf(parts);
    await stat(file);
    return file;
  } catch {
    // No demo guest here: nothing is known.
    return undefined;
  }
}
