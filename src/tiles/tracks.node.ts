// SPDX-License-Identifier: Apache-2.0
import { bigintFromU64 } from '../base/index.ts';
import type { StreamDescription } from './description.ts';
import { groupOfBucket, type IndexFile } from './index-file.node.ts';
import { TRACK_HEAD_ARRAYS, TRACK_VCPU_ARRAYS, trackPageArrays } from './track-writer.ts';
import type { Tracks, TracksQuery, VcpuTracks } from './view-index.ts';

/** Of the finest level that has no more buckets in the window than columns were asked for. */
export async function readTracks(
  file: IndexFile,
  stream: StreamDescription,
  { from, to: asked, columns }: TracksQuery,
  signal?: AbortSignal,
): Promise<Tracks> {
  const { ordinalEnd, tracks, vcpus } = stream;
  const to = Math.min(asked, ordinalEnd);
  const fitting = tracks.filter(({ timeShift }) => bucketsOf(from, to, 2 ** timeShift) <= columns);
  // The coarsest has too many buckets only when fewer columns than FEW_BUCKETS are asked for.
  const level = fitting.at(0) ?? tracks.at(-1);
  const [spaceLo, spaceHi] = await file.arrays(stream.addressSpaces, 2);
  const addressSpaces = Array.from(spaceLo, (lo, i) => bigintFromU64(lo, spaceHi[i] ?? 0));
  const step = level === undefined ? 1 : 2 ** level.timeShift;
  const first = Math.floor(from / step);
  const count = level === undefined || from >= to ? 0 : bucketsOf(from, to, step);
  const result = {
    begins: Float64Array.from({ length: count }, (_, i) => (first + i) * step),
    end: Math.min(ordinalEnd, (first + count) * step),
    timeStep: step,
    pages: new Float64Array(count),
    vcpus: vcpus.map((vcpu) => emptyTracks(vcpu, count)),
    addressSpaces,
  };
  if (level === undefined || count === 0) return result;
  const groups = await file.groups(level.directory, Math.ceil(ordinalEnd / step));
  for (let at = groupOfBucket(groups, first); at < groups.length; at++) {
    signal?.throwIfAborted();
    const group = groups[at];
    if (group.firstBucket >= first + count) break;
    const headArrays = TRACK_HEAD_ARRAYS + trackPageArrays(vcpus.length);
    const arrays = await file.arrays(group, headArrays + vcpus.length * TRACK_VCPU_ARRAYS);
    file.requireLengths(group, arrays.slice(TRACK_HEAD_ARRAYS), group.bucketCount);
    file.requireLengths(group, arrays.slice(0, TRACK_HEAD_ARRAYS), vcpus.length);
    const [icountLo, icountHi, pages, ...pagesOf] = arrays.slice(0, headArrays);
    const firstColumn = group.firstBucket - first;
    copyColumn(result.pages, pages, firstColumn);
    for (const [place, tracksOf] of result.vcpus.entries()) {
      const begin = headArrays + place * TRACK_VCPU_ARRAYS;
      const own = arrays.slice(begin, begin + TRACK_VCPU_ARRAYS);
      const icount = icountHi[place] * 2 ** 32 + icountLo[place];
      copyTracks(tracksOf, own, icount, firstColumn);
      copyColumn(tracksOf.pages, pagesOf[place] ?? pages, firstColumn);
    }
  }
  return result;
}

function bucketsOf(from: number, to: number, step: number): number {
  return Math.ceil(to / step) - Math.floor(from / step);
}

function emptyTracks(vcpu: number, count: number): VcpuTracks {
  const column = (): Float64Array => new Float64Array(count);
  return {
    vcpu,
    ...{ icount: column(), instructions: column() },
    ...{ kernelAccesses: column(), userAccesses: column(), loads: column(), stores: column() },
    ...{ interrupts: column(), exceptions: column(), pages: column() },
    addressSpace: new Int32Array(count).fill(-1),
  };
}

/** `firstColumn`: of the group's first bucket; may be before the first or reach beyond the last. */
function copyColumn(to: Float64Array, from: Uint32Array, firstColumn: number): void {
  for (let i = Math.max(0, -firstColumn); i < from.length && firstColumn + i < to.length; i++) {
    to[firstColumn + i] = from[i];
  }
}

function copyTracks(
  to: VcpuTracks,
  arrays: readonly Uint32Array[],
  icountAtBegin: number,
  firstColumn: number,
): void {
  const [instructionsLo, instructionsHi, loads, stores] = arrays;
  const [user, interrupts, exceptions, space] = arrays.slice(4);
  let icount = icountAtBegin;
  for (let i = 0; i < loads.length; i++) {
    const column = firstColumn + i;
    const instructions = instructionsHi[i] * 2 ** 32 + instructionsLo[i];
    if (column >= 0 && column < to.icount.length) {
      to.icount[column] = icount;
      to.instructions[column] = instructions;
      to.loads[column] = loads[i];
      to.stores[column] = stores[i];
      to.userAccesses[column] = user[i];
      to.kernelAccesses[column] = loads[i] + stores[i] - user[i];
      to.interrupts[column] = interrupts[i];
      to.exceptions[column] = exceptions[i];
      to.addressSpace[column] = space[i] - 1;
    }
    icount += instructions;
  }
}
