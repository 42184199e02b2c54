// SPDX-License-Identifier: Apache-2.0
// What was counted of a chunk, as bytes of the unfinished index and back.

import type { ChunkCounts } from './count-chunk.ts';
import type { PageCounts } from './count-pages.ts';
import type { TrackRows } from './count-tracks.ts';
import { type PackedBytes, packArrays, unpackArrays } from './packed.node.ts';
import type { VcpuPages } from './vcpu-pages.ts';

const PAGE_ARRAYS = 6;
const VCPU_PAGE_ARRAYS = 5;
const TRACK_ARRAYS = 11;
const ARRAY_COUNT = 1 + 2 * PAGE_ARRAYS + VCPU_PAGE_ARRAYS + TRACK_ARRAYS;
/** Compression is worth little here: the file is read once and removed. */
const DEFLATE_LEVEL = 1;

export function packCounts({ virtual, physical, vcpuPages, tracks }: ChunkCounts): PackedBytes {
  const spaces = Number(virtual !== undefined) + 2 * Number(physical !== undefined);
  return packArrays(
    [
      Uint32Array.of(spaces),
      ...pageArrays(virtual),
      ...pageArrays(physical),
      ...vcpuPageArrays(vcpuPages),
      ...trackArrays(tracks),
    ],
    DEFLATE_LEVEL,
  );
}

/** Undefined: it contradicts itself. */
export function unpackCounts(stored: Uint8Array, rawBytes: number): ChunkCounts | undefined {
  const arrays = unpackArrays(stored, rawBytes, ARRAY_COUNT);
  if (arrays?.[0].length !== 1) return undefined;
  const spaces = arrays[0][0];
  let at = 1;
  const take = (count: number): Uint32Array[] => arrays.slice(at, (at += count));
  const virtual = pageCounts(take(PAGE_ARRAYS));
  const physical = pageCounts(take(PAGE_ARRAYS));
  const vcpuPages =
    virtual === undefined ? undefined : vcpuPagesOf(take(VCPU_PAGE_ARRAYS), virtual);
  const tracks = trackRows(take(TRACK_ARRAYS));
  if (virtual === undefined || physical === undefined) return undefined;
  if (vcpuPages === undefined || tracks === undefined) return undefined;
  const hasVirtual = (spaces & 1) !== 0;
  return {
    virtual: hasVirtual ? virtual : undefined,
    physical: (spaces & 2) === 0 ? undefined : physical,
    vcpuPages: hasVirtual ? vcpuPages : undefined,
    tracks,
  };
}

function pageArrays(counts: PageCounts | undefined): Uint32Array[] {
  if (counts === undefined) return Array.from({ length: PAGE_ARRAYS }, () => new Uint32Array());
  const { pageLo, pageHi, cellCount, page, loads, stores } = counts;
  return [pageLo, pageHi, cellCount, page, loads, stores];
}

function pageCounts(arrays: readonly Uint32Array[]): PageCounts | undefined {
  const [pageLo, pageHi, cellCount, page, loads, stores] = arrays;
  const cells = cellCount.reduce((sum, count) => sum + count, 0);
  const isWhole =
    pageHi.length === pageLo.length &&
    [page, loads, stores].every(({ length }) => length === cells) &&
    page.every((one) => one < pageLo.length);
  return isWhole ? { pageLo, pageHi, cellCount, page, loads, stores } : undefined;
}

function vcpuPageArrays(pages: VcpuPages | undefined): Uint32Array[] {
  if (pages === undefined) return Array.from({ length: VCPU_PAGE_ARRAYS }, () => new Uint32Array());
  return [pages.vcpu, pages.shareStretch, pages.shareVcpu, pages.sharePages, pages.page];
}

function vcpuPagesOf(
  [vcpu, shareStretch, shareVcpu, sharePages, page]: readonly Uint32Array[],
  { cellCount, pageLo }: PageCounts,
): VcpuPages | undefined {
  const total = sharePages.reduce((sum, count) => sum + count, 0);
  const isWhole =
    vcpu.length === cellCount.length &&
    [shareVcpu, sharePages].every(({ length }) => length === shareStretch.length) &&
    shareStretch.every((one, i) => one < vcpu.length && (i === 0 || one >= shareStretch[i - 1])) &&
    page.length === total &&
    page.every((one) => one < pageLo.length);
  return isWhole ? { vcpu, shareStretch, shareVcpu, sharePages, page } : undefined;
}

function trackArrays(rows: TrackRows): Uint32Array[] {
  return [
    ...[rows.stretch, rows.vcpu, rows.cr3Lo, rows.cr3Hi, rows.icountLo, rows.icountHi],
    ...[rows.loads, rows.stores, rows.user, rows.interrupts, rows.exceptions],
  ];
}

function trackRows(arrays: readonly Uint32Array[]): TrackRows | undefined {
  const [stretch, vcpu, cr3Lo, cr3Hi, icountLo, icountHi] = arrays;
  const [loads, stores, user, interrupts, exceptions] = arrays.slice(6);
  if (arrays.some(({ length }) => length !== stretch.length)) return undefined;
  return {
    ...{ stretch, vcpu, cr3Lo, cr3Hi, icountLo, icountHi },
    ...{ loads, stores, user, interrupts, exceptions },
  };
}
