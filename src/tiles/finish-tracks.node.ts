// SPDX-License-Identifier: Apache-2.0
// The tracks of one stream, at every level in time, from what was counted of its chunks.

import { bigintFromU64 } from '../base/index.ts';
import type { ChunkCounts } from './count-chunk.ts';
import type { StreamDescription, TrackLevelDescription } from './description.ts';
import type { WorkingSets } from './finish-space.node.ts';
import { directoryArrays, type GroupPlace } from './groups.node.ts';
import type { IndexWriter } from './index-writer.node.ts';
import { BASE_STEP } from './layout.ts';
import type { PartFile } from './part-file.node.ts';
import { timeShiftsOf } from './pyramid.ts';
import type { StreamChunks } from './stream-chunks.ts';
import {
  addVcpuBuckets,
  createTrackLevelWriter,
  emptyVcpuBuckets,
  type VcpuBucket,
} from './track-writer.ts';

/** Throws TraceError 'corrupt', 'io'. */
export async function finishTracks(
  stream: StreamChunks,
  part: Pick<PartFile, 'read'>,
  workingSets: WorkingSets,
  writer: IndexWriter,
): Promise<Pick<StreamDescription, 'vcpus' | 'addressSpaces' | 'tracks'>> {
  const timeShifts = timeShiftsOf(stream.ordinalEnd);
  const vcpus = new Set<number>();
  const spaces = new Map<bigint, number>();
  for (const { chunkIndex } of stream.chunks) {
    const { tracks } = await part.read(chunkIndex);
    for (const vcpu of tracks.vcpu) vcpus.add(vcpu);
    for (const cr3 of cr3Column(tracks)) spaces.set(cr3, spaces.get(cr3) ?? spaces.size);
  }
  const order = [...vcpus].sort((a, b) => a - b);
  const placeOf = new Map(order.map((vcpu, at) => [vcpu, at]));
  const levels = timeShifts.map((timeShift, at) => {
    const groups: GroupPlace[] = [];
    const level = createTrackLevelWriter(order.length, ({ firstBucket, bucketCount, arrays }) => {
      groups.push({ firstBucket, bucketCount, ...writer.appendArrays(arrays) });
    });
    const sets = order.length > 1 ? order.map((vcpu) => workingSets.byVcpu.get(vcpu)) : [];
    const pages = [workingSets.ofAll, ...sets].map((set) => set?.at(at) ?? new Uint32Array());
    return { timeShift, groups, level, pages };
  });
  const pending = levels.map(() => emptyVcpuBuckets(order.length));
  const done = levels.map(() => 0);
  const put = (at: number, buckets: readonly VcpuBucket[]): void => {
    const pages = levels[at].pages.map((set) => set[done[at]] ?? 0);
    levels[at].level.add(pages, buckets);
    done[at]++;
    if (at + 1 === levels.length) return;
    addVcpuBuckets(pending[at + 1], buckets);
    if (done[at] % 2 ** (timeShifts[at + 1] - timeShifts[at]) === 0) putPending(at + 1);
  };
  const putPending = (at: number): void => {
    const buckets = pending[at];
    pending[at] = emptyVcpuBuckets(order.length);
    put(at, buckets);
  };
  const stretchCount = Math.ceil(stream.ordinalEnd / BASE_STEP);
  const icount = order.map(() => 0);
  for (const chunk of stream.chunks) {
    const { tracks } = await part.read(chunk.chunkIndex);
    const first = Math.floor(chunk.firstOrdinal / BASE_STEP);
    const cr3 = cr3Column(tracks);
    for (let i = 0; i < tracks.stretch.length; i++) {
      // Events behind the last access of all are of its stretch.
      const stretch = Math.min(stretchCount - 1, first + tracks.stretch[i]);
      while (done[0] < stretch) putPending(0);
      const vcpu = placeOf.get(tracks.vcpu[i]) ?? 0;
      const bucket = pending[0].at(vcpu);
      if (bucket === undefined) throw new Error('internal: a vCPU is missing');
      const now = tracks.icountHi[i] * 2 ** 32 + tracks.icountLo[i];
      if (now > icount[vcpu]) {
        bucket.instructions += now - icount[vcpu];
        icount[vcpu] = now;
      }
      const [loads, stores] = [tracks.loads[i], tracks.stores[i]];
      bucket.loads += loads;
      bucket.stores += stores;
      bucket.user += tracks.user[i];
      bucket.interrupts += tracks.interrupts[i];
      bucket.exceptions += tracks.exceptions[i];
      const space = spaces.get(cr3[i]) ?? 0;
      bucket.spaces.set(space, (bucket.spaces.get(space) ?? 0) + loads + stores);
    }
    await writer.flush();
  }
  while (done[0] < stretchCount) putPending(0);
  for (let at = 1; at < levels.length; at++) {
    if (done[at] < Math.ceil(stream.ordinalEnd / 2 ** timeShifts[at])) putPending(at);
  }
  return {
    vcpus: order,
    addressSpaces: writer.appendArrays([
      Uint32Array.from(spaces.keys(), (cr3) => Number(cr3 & 0xffff_ffffn)),
      Uint32Array.from(spaces.keys(), (cr3) => Number(cr3 >> 32n)),
    ]),
    tracks: levels.map(({ timeShift, groups, level }): TrackLevelDescription => {
      level.finish();
      return { timeShift, directory: writer.appendArrays(directoryArrays(groups)) };
    }),
  };
}

function cr3Column({ cr3Lo, cr3Hi }: ChunkCounts['tracks']): bigint[] {
  return Array.from(cr3Lo, (lo, i) => bigintFromU64(lo, cr3Hi[i]));
}
