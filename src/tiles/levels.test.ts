// SPDX-License-Identifier: Apache-2.0
// Levels of a made-up trace of millions of accesses, of which only the counts exist.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { prngFromSeed, requireDefined } from '../base/index.ts';
import type { ChunkCounts } from './count-chunk.ts';
import type { PageCounts } from './count-pages.ts';
import { finishIndex } from './finish.node.ts';
import { finishSpace } from './finish-space.node.ts';
import { openIndexFile } from './index-file.node.ts';
import { tileOfIndex } from './index-tile.ts';
import { BASE_STEP } from './layout.ts';

const PAGES = 6000;
const STRETCHES = 1100;
const CHUNK_STRETCHES = 100;

/** Loads and stores by stretch and page. */
function madeUpCounts(): Map<number, [number, number]>[] {
  const random = prngFromSeed(11);
  return Array.from({ length: STRETCHES }, (_, stretch) => {
    const cells = new Map<number, [number, number]>();
    const count = stretch % 50 === 7 ? 0 : random.nextInRange(1, 300);
    for (let i = 0; i < count; i++) {
      const page = (stretch * 3 + random.nextInRange(0, 1500)) % PAGES;
      cells.set(page, [random.nextInRange(0, 300), random.nextInRange(1, 3)]);
    }
    return cells;
  });
}

function countsOf(stretches: readonly Map<number, [number, number]>[]): ChunkCounts {
  const pages = Array.from({ length: PAGES }, (_, page) => page);
  const cells = stretches.flatMap((one) => [...one].sort(([a], [b]) => a - b));
  const virtual: PageCounts = {
    pageLo: Uint32Array.from(pages, (page) => page * 7),
    pageHi: new Uint32Array(PAGES),
    cellCount: Uint32Array.from(stretches, ({ size }) => size),
    page: Uint32Array.from(cells, ([page]) => page),
    loads: Uint32Array.from(cells, ([, [loads]]) => loads),
    stores: Uint32Array.from(cells, ([, [, stores]]) => stores),
  };
  return { virtual, physical: undefined, vcpuPages: undefined, tracks: EMPTY_TRACKS };
}

const EMPTY = new Uint32Array();
const EMPTY_TRACKS: ChunkCounts['tracks'] = {
  ...{ stretch: EMPTY, vcpu: EMPTY, cr3Lo: EMPTY, cr3Hi: EMPTY, icountLo: EMPTY, icountHi: EMPTY },
  ...{ loads: EMPTY, stores: EMPTY, user: EMPTY, interrupts: EMPTY, exceptions: EMPTY },
};

it('every level has the sums of the finest', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'levels-'));
  const stretches = madeUpCounts();
  const chunkCount = STRETCHES / CHUNK_STRETCHES;
  const chunkOrdinals = CHUNK_STRETCHES * BASE_STEP;
  const indexFile = path.join(folder, 'a.view');
  const task = {
    chunks: Array.from({ length: chunkCount }, (_, chunkIndex) => ({
      ...{ chunkIndex, stream: 0 },
      ...{ firstOrdinal: chunkIndex * chunkOrdinals, accessCount: chunkOrdinals },
    })),
    part: {
      read: async (at: number) =>
        countsOf(stretches.slice(at * CHUNK_STRETCHES, (at + 1) * CHUNK_STRETCHES)),
    },
  };
  const virtual = await finishSpace(
    { ...task, space: 'virtual', groupsFile: `${indexFile}.virtual` },
    () => undefined,
  );
  await finishIndex({
    ...{ ...task, damaged: [], fingerprint: new Uint8Array(32), spaces: [virtual] },
    ...{ indexFile, workingFile: `${indexFile}.new` },
  });
  const file = requireDefined(await openIndexFile(indexFile), 'it was written');
  const stream = requireDefined(file.description.streams[0], 'there is one');
  const shapes = stream.virtual.map(({ timeShift, unitShift }) => [timeShift, unitShift]);
  expect(shapes).toEqual([
    [12, 0],
    [14, 0],
    [16, 0],
    [16, 2],
  ]);
  for (const [timeShift = 0, unitShift = 0] of shapes) {
    const step = 2 ** (timeShift - 12);
    const units = 2 ** unitShift;
    const columns = Math.ceil(STRETCHES / step / 2);
    const [firstStretch, firstPage, rows] = [step * Math.floor(columns / 2), 1024, 700];
    const query = {
      ...({ space: 'virtual', stream: 0, columns, rows } as const),
      from: firstStretch * BASE_STEP,
      to: (firstStretch + columns * step) * BASE_STEP,
      low: firstPage,
      high: firstPage + rows * units,
    };
    const tile = await tileOfIndex(file, stream, PAGES, query);
    expect([tile.timeStep, tile.byteStep]).toEqual([2 ** timeShift, 4096 * units]);
    const loads = new Uint32Array(columns * rows);
    const stores = new Uint32Array(columns * rows);
    for (const [stretch, cells] of stretches.entries()) {
      for (const [page, [own, ownStores]] of cells) {
        const column = Math.floor((stretch - firstStretch) / step);
        const row = Math.floor((page - firstPage) / units);
        if (column < 0 || column >= columns || row < 0 || row >= rows) continue;
        const cell = row * columns + column;
        loads[cell] = (loads[cell] ?? 0) + own;
        stores[cell] = (stores[cell] ?? 0) + ownStores;
      }
    }
    expect(Buffer.from(tile.loads.buffer).equals(Buffer.from(loads.buffer))).toBe(true);
    expect(Buffer.from(tile.stores.buffer).equals(Buffer.from(stores.buffer))).toBe(true);
    expect(tile.maximum).toBeGreaterThan(0);
  }
  await file.close();
  await rm(folder, { recursive: true });
});
