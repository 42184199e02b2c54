// SPDX-License-Identifier: Apache-2.0
// From what was counted of the chunks to the finished index: pages get their ranks, stretches that lie in two
// chunks become one, and the levels are made.

import { Buffer } from 'node:buffer';
import { createUnitTable, rowOfUnit, rowsByAddress, type UnitTable } from '../analysis/index.ts';
import { bigintFromU64 } from '../base/index.ts';
import type { ChunkInfo } from '../format/index.ts';
import type { ChunkCounts, PageCounts } from './count-chunk.ts';
import type { DamagedChunk } from './damage.ts';
import type {
  LevelDescription,
  SpaceDescription,
  StreamDescription,
  TrackLevelDescription,
} from './description.ts';
import { directoryArrays, type GroupPlace, packGroup } from './groups.node.ts';
import { createIndexWriter, type IndexWriter } from './index-writer.node.ts';
import { BASE_STEP, PAGE_SHIFT } from './layout.ts';
import { type BucketCells, createLevelWriter } from './level-writer.ts';
import type { PartFile } from './part-file.node.ts';
import {
  createBucketMerge,
  createCellCensus,
  createPyramid,
  timeShiftsOf,
  unitShiftsOf,
} from './pyramid.ts';
import {
  addVcpuBuckets,
  createTrackLevelWriter,
  emptyVcpuBuckets,
  type VcpuBucket,
} from './track-writer.ts';
import type { Space } from './view-index.ts';

type CountedChunk = Pick<ChunkInfo, 'chunkIndex' | 'stream' | 'firstOrdinal' | 'accessCount'>;

export interface FinishTask {
  /** Of the trace, in file order. */
  readonly chunks: readonly CountedChunk[];
  readonly part: Pick<PartFile, 'read'>;
  /** What could not be counted. */
  readonly damaged: readonly DamagedChunk[];
  readonly fingerprint: Uint8Array;
  readonly indexFile: string;
  readonly workingFile: string;
  readonly spaces: readonly Space[];
}

/** Throws TraceError 'corrupt', 'io'. */
export async function finishIndex(
  task: FinishTask,
  onProgress: (part: number) => void,
): Promise<void> {
  const { chunks, damaged } = task;
  const part = withoutDamaged(task.part, damaged);
  const ranks = new Map(task.spaces.map((space) => [space, createUnitTable(PAGE_SHIFT)]));
  for (const { chunkIndex } of chunks) {
    const counts = await part.read(chunkIndex);
    for (const [space, units] of ranks) addPages(units, counts[space]);
  }
  const writer = await createIndexWriter(task.indexFile, task.workingFile);
  try {
    const axes = new Map([...ranks].map(([space, units]) => [space, createRanks(units)]));
    const describe = (space: Space): SpaceDescription | null => {
      const axis = axes.get(space);
      if (axis === undefined) return null;
      return { pageCount: axis.pageCount, pages: writer.appendArrays(axis.distances) };
    };
    const [virtual, physical] = [describe('virtual'), describe('physical')];
    const streams: StreamDescription[] = [];
    const all = streamsOf(chunks);
    for (const [at, stream] of all.entries()) {
      streams.push(
        await finishStream(stream, part, axes, writer, (done) => {
          onProgress((at + done) / all.length);
        }),
      );
    }
    const fingerprint = Buffer.from(task.fingerprint).toString('hex');
    await writer.finish({ fingerprint, virtual, physical, streams, damaged });
  } catch (error) {
    await writer.close();
    throw error;
  }
}

/** Of a damaged chunk there are no cells; the description says that they are not known. */
function withoutDamaged(
  part: Pick<PartFile, 'read'>,
  damaged: readonly DamagedChunk[],
): Pick<PartFile, 'read'> {
  const unknown = new Set(damaged.map(({ chunkIndex }) => chunkIndex));
  return {
    read: async (chunkIndex) => (unknown.has(chunkIndex) ? NOTHING_COUNTED : part.read(chunkIndex)),
  };
}

const NONE = new Uint32Array();
const NOTHING_COUNTED: ChunkCounts = {
  virtual: undefined,
  physical: undefined,
  tracks: {
    ...{ stretch: NONE, vcpu: NONE, cr3Lo: NONE, cr3Hi: NONE, icountLo: NONE, icountHi: NONE },
    ...{ loads: NONE, stores: NONE, user: NONE, interrupts: NONE, exceptions: NONE },
  },
};

interface StreamChunks {
  readonly stream: number;
  readonly ordinalEnd: number;
  readonly chunks: readonly CountedChunk[];
}

function streamsOf(chunks: readonly CountedChunk[]): StreamChunks[] {
  const byStream = new Map<number, CountedChunk[]>();
  for (const chunk of chunks) {
    const own = byStream.get(chunk.stream) ?? [];
    own.push(chunk);
    byStream.set(chunk.stream, own);
  }
  return [...byStream]
    .map(([stream, own]) => {
      const last = own[own.length - 1];
      return { stream, ordinalEnd: last.firstOrdinal + last.accessCount, chunks: own };
    })
    .sort((a, b) => a.stream - b.stream);
}

interface Ranks {
  readonly pageCount: number;
  /** From each page to the next, in halves. */
  readonly distances: readonly Uint32Array[];
  /** Rank of each page of a chunk. */
  ranksOf(counts: PageCounts): Uint32Array;
}

function addPages(units: UnitTable, counts: PageCounts | undefined): void {
  if (counts === undefined) return;
  for (let i = 0; i < counts.pageLo.length; i++)
    rowOfUnit(units, counts.pageLo[i], counts.pageHi[i]);
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

async function finishStream(
  stream: StreamChunks,
  part: Pick<PartFile, 'read'>,
  axes: ReadonlyMap<Space, Ranks>,
  writer: IndexWriter,
  onProgress: (part: number) => void,
): Promise<StreamDescription> {
  const timeShifts = timeShiftsOf(stream.ordinalEnd);
  const share = 1 / (axes.size + 1);
  const levels = new Map<Space, LevelDescription[]>();
  /** Virtual pages by bucket, of each level in time. */
  const workingSets = timeShifts.map((): number[] => []);
  for (const [at, [space, axis]] of [...axes].entries()) {
    levels.set(
      space,
      await finishSpace(
        stream,
        part,
        { space, axis, timeShifts, workingSets: space === 'virtual' ? workingSets : [] },
        writer,
        (done) => {
          onProgress((at + done) * share);
        },
      ),
    );
  }
  const tracks = await finishTracks(stream, part, timeShifts, workingSets, writer);
  onProgress(1);
  return {
    stream: stream.stream,
    ordinalEnd: stream.ordinalEnd,
    virtual: levels.get('virtual') ?? [],
    physical: levels.get('physical') ?? [],
    ...tracks,
  };
}

interface SpaceTask {
  readonly space: Space;
  readonly axis: Ranks;
  readonly timeShifts: readonly number[];
  readonly workingSets: readonly number[][];
}

async function finishSpace(
  stream: StreamChunks,
  part: Pick<PartFile, 'read'>,
  { space, axis, timeShifts, workingSets }: SpaceTask,
  writer: IndexWriter,
  onProgress: (part: number) => void,
): Promise<LevelDescription[]> {
  const { ordinalEnd } = stream;
  const census = createCellCensus(timeShifts, axis.pageCount);
  for await (const piece of stretchPieces(stream, part, space, axis)) {
    census.add(piece.stretch, piece.cells.unit);
  }
  const unitShifts = unitShiftsOf(timeShifts, census.counts(), ordinalEnd, axis.pageCount);
  const levels = timeShifts.map((timeShift, at) =>
    unitShifts[at].map((unitShift) => {
      const groups: GroupPlace[] = [];
      let cellCount = 0;
      const unitCount = Math.ceil(axis.pageCount / 2 ** unitShift);
      const level = createLevelWriter({ timeShift, unitShift, unitCount }, (group) => {
        const { bytes, tableBytes, tableCrc } = packGroup(group);
        const { firstBucket, bucketCount } = group;
        cellCount += group.cellCount;
        groups.push({
          ...{ firstBucket, bucketCount, at: writer.append(bytes) },
          ...{ storedBytes: bytes.byteLength, rawBytes: tableBytes, crc: tableCrc },
        });
      });
      const sizes = unitShift === 0 ? workingSets.at(at) : undefined;
      const add = (cells: BucketCells): void => {
        sizes?.push(cells.length);
        level.add(cells);
      };
      return { level: { ...level, add }, groups, cellCount: () => cellCount };
    }),
  );
  const pyramid = createPyramid(
    levels.map((ofTime) => ofTime.map(({ level }) => level)),
    axis.pageCount,
  );
  const merge = createBucketMerge(axis.pageCount);
  let stretch = 0;
  const closeUpTo = (next: number): void => {
    for (; stretch < next; stretch++) pyramid.addStretch(merge.take());
  };
  for await (const piece of stretchPieces(stream, part, space, axis)) {
    closeUpTo(piece.stretch);
    merge.add(piece.cells);
    await writer.flush();
    onProgress((piece.stretch * BASE_STEP) / ordinalEnd);
  }
  closeUpTo(Math.ceil(ordinalEnd / BASE_STEP));
  pyramid.finish();
  return levels.flat().map(({ level, groups, cellCount }) => ({
    timeShift: level.shape.timeShift,
    unitShift: level.shape.unitShift,
    cellCount: cellCount(),
    directory: writer.appendArrays(directoryArrays(groups)),
  }));
}

interface StretchPiece {
  readonly stretch: number;
  readonly cells: BucketCells;
}

/** Cells of what each chunk has of its stretches, by rank. A stretch may come in several pieces. */
async function* stretchPieces(
  { chunks }: StreamChunks,
  part: Pick<PartFile, 'read'>,
  space: Space,
  axis: Ranks,
): AsyncGenerator<StretchPiece, void, undefined> {
  for (const chunk of chunks) {
    const counts = (await part.read(chunk.chunkIndex))[space];
    if (counts === undefined) continue;
    const ranks = axis.ranksOf(counts);
    const first = Math.floor(chunk.firstOrdinal / BASE_STEP);
    let begin = 0;
    for (const [at, length] of counts.cellCount.entries()) {
      const end = begin + length;
      yield {
        stretch: first + at,
        cells: {
          length,
          unit: counts.page.subarray(begin, end).map((page) => ranks[page]),
          loads: counts.loads.subarray(begin, end),
          stores: counts.stores.subarray(begin, end),
        },
      };
      begin = end;
    }
  }
}

async function finishTracks(
  stream: StreamChunks,
  part: Pick<PartFile, 'read'>,
  timeShifts: readonly number[],
  workingSets: readonly (readonly number[])[],
  writer: IndexWriter,
): Promise<Pick<StreamDescription, 'vcpus' | 'addressSpaces' | 'tracks'>> {
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
    return { timeShift, groups, level, pages: workingSets.at(at) ?? [] };
  });
  const pending = levels.map(() => emptyVcpuBuckets(order.length));
  const done = levels.map(() => 0);
  const put = (at: number, buckets: readonly VcpuBucket[]): void => {
    levels[at].level.add(levels[at].pages[done[at]] ?? 0, buckets);
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
