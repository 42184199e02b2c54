// SPDX-License-Identifier: Apache-2.0
// What a trace says of its own making: the JSON text that the plugin copies into the header's `recorder`.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

export interface Provenance {
  readonly producer: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly qemu: { readonly path: string; readonly version: string };
  readonly command: readonly string[];
  readonly images: readonly ImageDigest[];
}

export type ImageDigest =
  | { readonly path: string; readonly bytes: number; readonly sha256: string }
  /** Not digested, and why. */
  | {
      readonly path: string;
      readonly bytes?: number;
      readonly modifiedAt?: string;
      readonly why: string;
    };

/** Beyond this a digest would delay the start by more than about a second. */
const DIGEST_LIMIT_BYTES = 512 * 2 ** 20;

export const PRODUCER: string = 'loadstore 0.1.0';

/** One entry for each file, whatever is wrong with it: QEMU is the one to complain. */
export async function digestImages(files: readonly string[]): Promise<ImageDigest[]> {
  return Promise.all(files.map((file) => digestImage(path.resolve(file))));
}

async function digestImage(file: string): Promise<ImageDigest> {
  try {
    const facts = await stat(file);
    if (!facts.isFile()) return { path: file, why: 'not a regular file' };
    if (facts.size > DIGEST_LIMIT_BYTES) {
      const modifiedAt = facts.mtime.toISOString();
      return { path: file, bytes: facts.size, modifiedAt, why: 'too large to digest at the start' };
    }
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    return { path: file, bytes: facts.size, sha256: hash.digest('hex') };
  } catch (error) {
    return { path: file, why: error instanceof Error ? error.message : String(error) };
  }
}
