// SPDX-License-Identifier: Apache-2.0
// Tracks on their way into the file: by level in time, bucket and vCPU what happened besides addresses.

import { TRACK_GROUP_BUCKETS } from './layout.ts';

/** Of a vCPU in a bucket. */
export interface VcpuBucket {
  /** Instructions from the vCPU's last access before the bucket to its last one in it. */
  instructions: number;
  loads: number;
  stores: number;
  user: number;
  interrupts: number;
  exceptions: number;
  /** Accesses by number of the address space. */
  readonly spaces: Map<number, number>;
}

export interface TrackGroup {
  readonly firstBucket: number;
  readonly bucketCount: number;
  readonly arrays: readonly Uint32Array[];
}

/** Instructions before the group, in halves. */
export const TRACK_HEAD_ARRAYS = 2;
export const TRACK_VCPU_ARRAYS = 8;

/** Pages of the stream, and, where it has several vCPUs, of each. */
export function trackPageArrays(vcpuCount: number): number {
  return vcpuCount > 1 ? 1 + vcpuCount : 1;
}

export interface TrackLevelWriter {
  /** `pages`: virtual pages of the bucket, as many numbers as trackPageArrays; vCPUs in the order of the stream's list. */
  add(pages: readonly number[], vcpus: readonly VcpuBucket[]): void;
  finish(): void;
}

export function createTrackLevelWriter(
  vcpuCount: number,
  emit: (group: TrackGroup) => void,
): TrackLevelWriter {
  const columnsOf = (length: number): Uint32Array[] =>
    Array.from({ length }, () => new Uint32Array(TRACK_GROUP_BUCKETS));
  const pages = columnsOf(trackPageArrays(vcpuCount));
  const columns = columnsOf(vcpuCount * TRACK_VCPU_ARRAYS);
  const icount = Array.from({ length: vcpuCount }, () => 0);
  let icountAtBegin = [...icount];
  let firstBucket = 0;
  let bucketCount = 0;
  const close = (): void => {
    if (bucketCount === 0) return;
    const taken = [...pages, ...columns].map((column) => column.slice(0, bucketCount));
    emit({
      firstBucket,
      bucketCount,
      arrays: [
        Uint32Array.from(icountAtBegin, (count) => count % 2 ** 32),
        Uint32Array.from(icountAtBegin, (count) => Math.floor(count / 2 ** 32)),
        ...taken,
      ],
    });
    firstBucket += bucketCount;
    bucketCount = 0;
    icountAtBegin = [...icount];
  };
  return {
    add(pageCounts, vcpus) {
      for (const [at, count] of pageCounts.entries()) pages[at][bucketCount] = count;
      vcpus.forEach((one, at) => {
        const own = [
          ...[one.instructions % 2 ** 32, Math.floor(one.instructions / 2 ** 32)],
          ...[one.loads, one.stores, one.user, one.interrupts, one.exceptions],
          mainSpace(one.spaces) + 1,
        ];
        for (const [i, value] of own.entries()) {
          columns[at * TRACK_VCPU_ARRAYS + i][bucketCount] = value;
        }
        icount[at] += one.instructions;
      });
      bucketCount++;
      if (bucketCount === TRACK_GROUP_BUCKETS) close();
    },
    finish: close,
  };
}

/** The one with the most accesses, of several the one with the lowest number; -1: there was no access. */
function mainSpace(spaces: ReadonlyMap<number, number>): number {
  let main = -1;
  let most = 0;
  for (const [space, accesses] of spaces) {
    if (accesses < most || accesses === 0 || (accesses === most && space > main)) continue;
    most = accesses;
    main = space;
  }
  return main;
}

export function emptyVcpuBuckets(vcpuCount: number): VcpuBucket[] {
  return Array.from({ length: vcpuCount }, () => ({
    ...{ instructions: 0, loads: 0, stores: 0, user: 0, interrupts: 0, exceptions: 0 },
    spaces: new Map<number, number>(),
  }));
}

export function addVcpuBuckets(to: readonly VcpuBucket[], from: readonly VcpuBucket[]): void {
  for (const [at, one] of to.entries()) {
    const more = from[at];
    one.instructions += more.instructions;
    one.loads += more.loads;
    one.stores += more.stores;
    one.user += more.user;
    one.interrupts += more.interrupts;
    one.exceptions += more.exceptions;
    for (const [space, accesses] of more.spaces) {
      one.spaces.set(space, (one.spaces.get(space) ?? 0) + accesses);
    }
  }
}
