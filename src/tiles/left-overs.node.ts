// SPDX-License-Identifier: Apache-2.0
// What a build that was killed leaves beside an index.

import { rm } from 'node:fs/promises';
import { groupsFileOf, partFileOf, workingFileOf } from './build-protocol.ts';
import { tryBuildTurn } from './build-turn.node.ts';
import type { Space } from './view-index.ts';

const SPACES: readonly Space[] = ['virtual', 'physical'];

/** What is no use to the next build. */
export async function removeWorkingFiles(indexFile: string): Promise<void> {
  const files = [
    workingFileOf(indexFile),
    ...SPACES.map((space) => groupsFileOf(indexFile, space)),
  ];
  await Promise.all(files.map(async (file) => rm(file, { force: true })));
}

/**
 * For an index that is whole: its builder was killed after that, before it had tidied up. Does nothing when somebody
 * builds right now, or may not write there.
 */
export async function tidyViewIndex(indexFile: string): Promise<void> {
  const turn = await tryBuildTurn(indexFile);
  if (turn === undefined) return;
  try {
    await removeWorkingFiles(indexFile);
    await rm(partFileOf(indexFile), { force: true });
  } catch {
    // A folder that can only be read: what lies there does no harm.
  } finally {
    await turn.end();
  }
}
