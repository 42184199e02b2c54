// SPDX-License-Identifier: Apache-2.0
// The levels of one address space, from what was counted of the chunks: pages get their ranks, and stretches that
// lie in two chunks become one. What comes out is in a file of its own until finish.node.ts puts all together.

import { createUnitTable, rowOfUnit, rowsByAddress, type UnitTable } from '../analysis/index.ts';
import { requireDefined } from '../base/index.ts';
import { createAppender } from './appender.node.ts';
import type { PageCounts } from './count-pages.ts';
import { type GroupPlace, packGroup } from './groups.node.ts';
import { BASE_STEP, PAGE_SHIFT } from './layout.ts';
import { type BucketCells, createLevelWriter, type LevelWriter } from './level-writer.ts';
import type { PartFile } from './part-file.node.ts';
import {
  type CellCensus,
  createBucketMerge,
  createCellCensus,
  createPyramid,
  timeShiftsOf,
  unitShiftsOf,
} from './pyramid.ts';
import { type CountedChunk, chunksByStream, type StreamChunks } from './stream-chunks.ts';
import { createWorkingSetCounter, sharesOf, vcpusOfPages } from './vcpu-pages.ts';
import type { Space } from './view-index.ts';

export interface SpaceTask {
  /** Of the trace, in file order. */
  readonly chunks: readonly CountedChunk[];
  readonly part: Pick<PartFile, 'read'>;
  readonly space: Space;
  /** Where the groups go. */
  readonly groupsFile: string;
}

/** Plain data. */
export interface FinishedSpace {
  readonly space: Space;
  readonly groupsFile: string;
  readonly pageCount: number;
  /** From each page to the next, in halves. */
  readonly distances: readonly Uint32Array[];
  /** By number of the stream. */
  readonly levels: ReadonlyMap<number, readonly FinishedLevel[]>;
  /** By number of the stream. */
  readonly workingSets: ReadonlyMap<number, WorkingSets>;
}

/** Virtual pages by bucket, of each level in time. */
export interface WorkingSets {
  readonly ofAll: readonly Uint32Array[];
  /** Where several vCPUs accessed some; else empty. */
  readonly byVcpu: ReadonlyMap<number, readonly Uint32Array[]>;
}

export interface FinishedLevel {
  readonly timeShift: number;
  readonly unitShift: number;
  readonly cellCount: number;
  /** Places are those in the groups' file. */
  readonly groups: readonly GroupPlace[];
}

/** Of the progress: a message for each stretch would cost more than the stretch. */
const TOLD_PART = 0.01;

/** Throws TraceError 'corrupt', 'io'. */
export async function finishSpace(
  task: SpaceTask,
  onProgress: (part: number) => void,
): Promise<FinishedSpace> {
  const { space, groupsFile } = task;
  const { units, censuses, vcpus } = await takeCensus(task);
  const axis = createRanks(units);
  const file = await createAppender(groupsFile);
  try {
    const levels = new Map<number, readonly FinishedLevel[]>();
    const workingSets = new Map<number, WorkingSets>();
    const all = chunksByStream(task.chunks);
    let told = 0;
    for (const [at, stream] of all.entries()) {
      const census = requireDefined(censuses.get(stream.stream), 'one for each stream');
      const writers = createLevels(census, stream.ordinalEnd, axis.pageCount, file.append);
      const pyramid = createPyramid(
        writers.map((ofTime) => ofTime.map(({ level }) => level)),
        axis.pageCount,
      );
      const merge = createBucketMerge(axis.pageCount);
      let stretch = 0;
      /** Of the stretch, as long as it has one piece: most have no other. */
      let only: BucketCells | undefined;
      const closeUpTo = (next: number): void => {
        for (; stretch < next; stretch++) {
          pyramid.addStretch(only ?? merge.take());
          only = undefined;
        }
      };
      for await (const piece of stretchPieces(stream, task, axis)) {
        closeUpTo(piece.stretch);
        if (only === undefined && merge.bucketCount() === 0) {
          only = piece.cells;
        } else {
          if (only !== undefined) merge.add(only);
          only = undefined;
          merge.add(piece.cells);
        }
        if (file.isFull()) await file.flush();
        const part = (at + (piece.stretch * BASE_STEP) / stream.ordinalEnd) / all.length;
        if (part < told + TOLD_PART) continue;
        told = part;
        onProgress(part);
      }
      closeUpTo(Math.ceil(stream.ordinalEnd / BASE_STEP));
      pyramid.finish();
      levels.set(
        stream.stream,
        writers.flat().map(({ finished }) => finished()),
      );
      const isShared = space === 'virtual' && (vcpus.get(stream.stream)?.size ?? 0) > 1;
      workingSets.set(stream.stream, {
        ofAll: space === 'virtual' ? writers.map(([{ bucketSizes }]) => bucketSizes) : [],
        byVcpu: isShared ? await countByVcpu(stream, task, axis) : new Map(),
      });
    }
    await file.flush();
    const { pageCount, distances } = axis;
    return { space, groupsFile, pageCount, distances, levels, workingSets };
  } finally {
    await file.close();
  }
}

interface SpaceCensus {
  readonly units: UnitTable;
  /** By number of the stream. */
  readonly censuses: ReadonlyMap<number, CellCensus>;
  /** By number of the stream: who accessed virtual pages. */
  readonly vcpus: ReadonlyMap<number, ReadonlySet<number>>;
}

async function takeCensus({ chunks, part, space }: SpaceTask): Promise<SpaceCensus> {
  const units = createUnitTable(PAGE_SHIFT);
  const censuses = new Map(
    chunksByStream(chunks).map(({ stream, ordinalEnd }) => [
      stream,
      createCellCensus(timeShiftsOf(ordinalEnd)),
    ]),
  );
  const vcpus = new Map([...censuses.keys()].map((stream) => [stream, new Set<number>()]));
  for (const { chunkIndex, stream, firstOrdinal } of chunks) {
    const { [space]: counts, vcpuPages } = await part.read(chunkIndex);
    if (counts === undefined) continue;
    for (const vcpu of vcpusOfPages(vcpuPages)) vcpus.get(stream)?.add(vcpu);
    const rows = counts.pageLo.map((lo, i) => rowOfUnit(units, lo, counts.pageHi[i]));
    const census = requireDefined(censuses.get(stream), 'one for each stream');
    for (const { stretch, begin, end } of stretchesOf(counts, firstOrdinal)) {
      census.add(stretch, counts.page, rows, begin, end, units.rowCount);
    }
  }
  return { units, censuses, vcpus };
}

interface LevelInWork {
  readonly level: LevelWriter;
  /** Cells of each bucket; of single pages. */
  readonly bucketSizes: Uint32Array;
  readonly finished: () => FinishedLevel;
}

/** By time shift, each by unit shift. */
function createLevels(
  census: CellCensus,
  ordinalEnd: number,
  pageCount: number,
  append: (bytes: Uint8Array) => number,
): LevelInWork[][] {
  const timeShifts = timeShiftsOf(ordinalEnd);
  const unitShifts = unitShiftsOf(timeShifts, census.counts(), ordinalEnd, pageCount);
  return timeShifts.map((timeShift, at) =>
    unitShifts[at].map((unitShift): LevelInWork => {
      const groups: GroupPlace[] = [];
      const buckets = unitShift === 0 ? Math.ceil(ordinalEnd / 2 ** timeShift) : 0;
      const bucketSizes = new Uint32Array(buckets);
      let nextBucket = 0;
      let cellCount = 0;
      const unitCount = Math.ceil(pageCount / 2 ** unitShift);
      const level = createLevelWriter({ timeShift, unitShift, unitCount }, (group) => {
        const { bytes, tableBytes, tableCrc } = packGroup(group);
        const { firstBucket, bucketCount } = group;
        cellCount += group.cellCount;
        groups.push({
          ...{ firstBucket, bucketCount, at: append(bytes) },
          ...{ storedBytes: bytes.byteLength, rawBytes: tableBytes, crc: tableCrc },
        });
      });
      const add = (cells: BucketCells): void => {
        if (unitShift === 0) bucketSizes[nextBucket++] = cells.length;
        level.add(cells);
      };
      return {
        level: { ...level, add },
        bucketSizes,
        finished: () => ({ timeShift, unitShift, cellCount, groups }),
      };
    }),
  );
}

interface Ranks {
  readonly pageCount: number;
  /** From each page to the next, in halves. */
  readonly distances: readonly Uint32Array[];
  /** Rank of each page of a chunk. */
  ranksOf(counts: PageCounts): Uint32Array;
}

function createRanks(units: UnitTable): Ranks {
  const rows = rowsByAddress(units);
  const rankOfRow = new Uint32Array(rows.length);
  const distanceLo = new Uint32Array(rows.length);
  const distanceHi = new Uint32Array(rows.length);
  let before = 0;
  for (let rank = 0; rank < rows.length; rank++) {
    rankOfRow[rows[rank]] = rank;
    // Page numbers have 52 bits: exact.
    const page = units.unitHi[rows[rank]] * 2 ** 32 + units.unitLo[rows[rank]];
    distanceLo[rank] = (page - before) % 2 ** 32;
    distanceHi[rank] = Math.floor((page - before) / 2 ** 32);
    before = page;
  }
  return {
    pageCount: rows.length,
    distances: [distanceLo, distanceHi],
    ranksOf: ({ pageLo, pageHi }) =>
      pageLo.map((lo, i) => rankOfRow[rowOfUnit(units, lo, pageHi[i])]),
  };
}

interface StretchPlace {
  readonly stretch: number;
  /** Of the chunk's cells. */
  readonly begin: number;
  readonly end: number;
}

function* stretchesOf({ cellCount }: PageCounts, firstOrdinal: number): Generator<StretchPlace> {
  const first = Math.floor(firstOrdinal / BASE_STEP);
  let begin = 0;
  for (let at = 0; at < cellCount.length; at++) {
    const end = begin + cellCount[at];
    yield { stretch: first + at, begin, end };
    begin = end;
  }
}

/** By vCPU. Chunks are read once more, which streams of one vCPU do without. */
async function countByVcpu(
  { chunks, ordinalEnd }: StreamChunks,
  { part }: SpaceTask,
  axis: Ranks,
): Promise<ReadonlyMap<number, readonly Uint32Array[]>> {
  const stretchCount = Math.ceil(ordinalEnd / BASE_STEP);
  const counter = createWorkingSetCounter(timeShiftsOf(ordinalEnd), stretchCount, axis.pageCount);
  for (const { chunkIndex, firstOrdinal } of chunks) {
    const { virtual, vcpuPages } = await part.read(chunkIndex);
    if (virtual === undefined || vcpuPages === undefined) continue;
    const ranks = axis.ranksOf(virtual);
    const shares = sharesOf(vcpuPages, virtual);
    const first = Math.floor(firstOrdinal / BASE_STEP);
    for (const { vcpu, stretch, pages } of shares) counter.add(vcpu, first + stretch, pages, ranks);
  }
  return counter.finish();
}

interface StretchPiece {
  readonly stretch: number;
  readonly cells: BucketCells;
}

/** Cells of what each chunk has of its stretches, by rank. A stretch may come in several pieces. */
async function* stretchPieces(
  { chunks }: StreamChunks,
  { part, space }: SpaceTask,
  axis: Ranks,
): AsyncGenerator<StretchPiece, void, undefined> {
  for (const { chunkIndex, firstOrdinal } of chunks) {
    const counts = (await part.read(chunkIndex))[space];
    if (counts === undefined) continue;
    const ranks = axis.ranksOf(counts);
    const unit = new Uint32Array(counts.page.length);
    for (let i = 0; i < unit.length; i++) unit[i] = ranks[counts.page[i]];
    for (const { stretch, begin, end } of stretchesOf(counts, firstOrdinal)) {
      yield {
        stretch,
        cells: {
          length: end - begin,
          unit: unit.subarray(begin, end),
          loads: counts.loads.subarray(begin, end),
          stores: counts.stores.subarray(begin, end),
        },
      };
    }
  }
}
