// SPDX-License-Identifier: Apache-2.0
// Puts the finished index together: pages and levels of the address spaces, which finish-space.node.ts has made,
// and the tracks.

import { Buffer } from 'node:buffer';
import type { DamagedChunk } from './damage.ts';
import type { LevelDescription, SpaceDescription, StreamDescription } from './description.ts';
import type { FinishedSpace, WorkingSets } from './finish-space.node.ts';
import { finishTracks } from './finish-tracks.node.ts';
import { directoryArrays } from './groups.node.ts';
import { createIndexWriter } from './index-writer.node.ts';
import type { PartFile } from './part-file.node.ts';
import { type CountedChunk, chunksByStream } from './stream-chunks.ts';
import type { Space } from './view-index.ts';

export interface FinishTask {
  /** Of the trace, in file order. */
  readonly chunks: readonly CountedChunk[];
  readonly part: Pick<PartFile, 'read'>;
  /** What could not be counted. */
  readonly damaged: readonly DamagedChunk[];
  readonly fingerprint: Uint8Array;
  readonly indexFile: string;
  readonly workingFile: string;
  readonly spaces: readonly FinishedSpace[];
}

const NO_WORKING_SETS: WorkingSets = { ofAll: [], byVcpu: new Map() };

/** Throws TraceError 'corrupt', 'io'. */
export async function finishIndex(task: FinishTask): Promise<void> {
  const { chunks, part, spaces, damaged } = task;
  const writer = await createIndexWriter(task.indexFile, task.workingFile);
  try {
    const groupsAt = new Map<Space, number>();
    for (const { space, groupsFile } of spaces) {
      groupsAt.set(space, await writer.appendFile(groupsFile));
    }
    const find = (space: Space): FinishedSpace | undefined =>
      spaces.find((one) => one.space === space);
    const describe = (space: Space): SpaceDescription | null => {
      const found = find(space);
      if (found === undefined) return null;
      return { pageCount: found.pageCount, pages: writer.appendArrays(found.distances) };
    };
    const [virtual, physical] = [describe('virtual'), describe('physical')];
    const levelsOf = (space: Space, stream: number): LevelDescription[] =>
      (find(space)?.levels.get(stream) ?? []).map(({ groups, ...level }) => {
        const before = groupsAt.get(space) ?? 0;
        const places = groups.map((group) => ({ ...group, at: before + group.at }));
        return { ...level, directory: writer.appendArrays(directoryArrays(places)) };
      });
    const streams: StreamDescription[] = [];
    for (const stream of chunksByStream(chunks)) {
      const workingSets = find('virtual')?.workingSets.get(stream.stream) ?? NO_WORKING_SETS;
      streams.push({
        stream: stream.stream,
        ordinalEnd: stream.ordinalEnd,
        virtual: levelsOf('virtual', stream.stream),
        physical: levelsOf('physical', stream.stream),
        ...(await finishTracks(stream, part, workingSets, writer)),
      });
    }
    const fingerprint = Buffer.from(task.fingerprint).toString('hex');
    await writer.finish({ fingerprint, virtual, physical, streams, damaged });
  } catch (error) {
    await writer.close();
    throw error;
  }
}
