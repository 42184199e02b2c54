// SPDX-License-Identifier: Apache-2.0
// Files that are being sent: each decodes the trace for as long as its client takes, so there are few at a time.

import { Refusal } from './refusal.ts';

export interface Downloads {
  /** Throws Refusal 'busy' at the first step when there are too many. */
  run(pieces: AsyncIterable<string>): AsyncIterable<string>;
}

const MOST_DOWNLOADS = 2;

export function createDownloads(): Downloads {
  let running = 0;
  return {
    async *run(pieces) {
      if (running >= MOST_DOWNLOADS) {
        throw new Refusal('busy', `${MOST_DOWNLOADS} files are being saved; cancel one, or wait`);
      }
      running++;
      try {
        yield* pieces;
      } finally {
        running--;
      }
    },
  };
}
