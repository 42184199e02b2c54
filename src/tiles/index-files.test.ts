// SPDX-License-Identifier: Apache-2.0
// Files that were cut or damaged: what is whole is used, nothing else is.
import { existsSync } from 'node:fs';
import { copyFile, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prngFromSeed, requireDefined, TraceError } from '../base/index.ts';
import { buildViewIndex } from './build.node.ts';
import { takeBuildTurn } from './build-turn.node.ts';
import type { ChunkCache } from './chunk-cache.ts';
import { fingerprintOf } from './fingerprint.node.ts';
import { createIndexWriter } from './index-writer.node.ts';
import { tidyViewIndex } from './left-overs.node.ts';
import { openViewIndex } from './open.node.ts';
import { openPartFile } from './part-file.node.ts';
import { BUILD_WORKER, type SmallTrace, writeSmallTrace } from './small-trace.oracle.ts';

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

const NO_CHUNKS: ChunkCache = {
  columns: async () => Promise.reject(new Error('not asked')),
  places: async () => new Promise(() => undefined),
  heldBytes: 0,
  release: async () => undefined,
  close: async () => undefined,
};

describe('files', { timeout: 60_000 }, () => {
  let small: SmallTrace;
  let file: string;
  let part: string;
  /** What an interrupted build left, with everything but the end. */
  let partBytes: Buffer;
  let whole: Buffer;
  let afterBreak: unknown;
  let afterBuild: unknown;
  beforeAll(async () => {
    small = await writeSmallTrace({
      seed: 8,
      executions: 250,
      streams: 1,
      oddity: 0.3,
      blockCount: 5,
    });
    file = path.join(small.folder, 'a.view');
    part = `${file}.part`;
    const stop = new AbortController();
    const build = buildViewIndex(small.trace, file, {
      workerUrl: BUILD_WORKER,
      signal: stop.signal,
      onProgress: (done) => {
        if (done >= 0.9) stop.abort(new Error('interrupted'));
      },
    });
    afterBreak = await build.then(
      () => 'it came to its end',
      async (error: unknown) => {
        const index = await openViewIndex(file, small.trace, NO_CHUNKS);
        return [String(error), index, await exists(file), await exists(part)];
      },
    );
    partBytes = await readFile(part);
    await rm(part);
    await buildViewIndex(small.trace, file, { workerUrl: BUILD_WORKER });
    whole = await readFile(file);
    afterBuild = [await exists(file), await exists(part), await exists(`${file}.new`)];
  }, 60_000);
  afterAll(async () => {
    await small.trace.close();
    await rm(small.folder, { recursive: true });
  });

  const chunkCount = (): number => small.trace.chunks.length;

  it('have the name of an index only when they are whole', () => {
    expect(afterBreak).toEqual(['Error: interrupted', undefined, false, true]);
    expect(afterBuild).toEqual([true, false, false]);
  });

  it('that a killed build left go when the next one begins, or when it had come to its end', async () => {
    const left = ['.new', '.part.virtual', '.part.physical'].map((end) => `${file}${end}`);
    const lie = (): boolean[] => [part, ...left].map(existsSync);
    const leave = async (): Promise<void> => {
      await Promise.all(left.map(async (one) => writeFile(one, 'left')));
      await writeFile(part, partBytes.subarray(0, partBytes.length >> 1));
    };
    await leave();
    const whileBuilding: boolean[][] = [];
    const stop = new AbortController();
    const build = buildViewIndex(small.trace, file, {
      ...{ workerUrl: BUILD_WORKER, signal: stop.signal, workers: 1 },
      onProgress: () => {
        whileBuilding.push(lie());
        stop.abort(new Error('interrupted'));
      },
    });
    await expect(build).rejects.toThrow('interrupted');
    expect(whileBuilding[0]).toEqual([true, false, false, false]);
    expect(lie()).toEqual([true, false, false, false]);

    await leave();
    const turn = await takeBuildTurn(file, undefined, () => undefined);
    await tidyViewIndex(file);
    expect(lie()).toEqual([true, true, true, true]);
    await turn.end();
    await tidyViewIndex(file);
    expect(lie()).toEqual([false, false, false, false]);
    expect((await readFile(file)).equals(whole)).toBe(true);
  });

  it('keep the sections that are whole, wherever they were cut', async () => {
    const fingerprint = fingerprintOf(small.trace);
    await writeFile(part, partBytes);
    const all = await openPartFile(part, fingerprint, chunkCount());
    expect(all.chunks.size).toBe(chunkCount());
    expect(chunkCount()).toBeGreaterThan(4);
    const wanted = new Map(
      await Promise.all([...all.chunks].map(async (at) => [at, await all.read(at)] as const)),
    );
    await all.close();
    let before = 0;
    for (let length = 0; length <= partBytes.length; length += 23) {
      await writeFile(part, partBytes.subarray(0, length));
      const cut = await openPartFile(part, fingerprint, chunkCount());
      const { chunks } = cut;
      expect(chunks.size).toBeGreaterThanOrEqual(before);
      before = chunks.size;
      const last = [...chunks].slice(-1);
      const kept = await Promise.all(last.map(async (at) => cut.read(at)));
      expect(kept).toEqual(last.map((at) => wanted.get(at)));
      await cut.close();
    }
    expect(before).toBeGreaterThan(chunkCount() - 2);
  });

  it('of an interrupted build come to the same index', async () => {
    for (const length of [0, 20, 60, partBytes.length >> 1, partBytes.length]) {
      await rm(file);
      const damaged = Buffer.concat([
        partBytes.subarray(0, length),
        Buffer.from('LSLS then rubbish'),
      ]);
      await writeFile(part, damaged);
      await buildViewIndex(small.trace, file, { workerUrl: BUILD_WORKER });
      expect((await readFile(file)).equals(whole)).toBe(true);
    }
  });

  it('begin anew when a section or the trace is another', async () => {
    const changed = Buffer.from(partBytes);
    const at = partBytes.length - 3;
    changed[at] = (changed[at] ?? 0) ^ 1;
    await writeFile(part, changed);
    const fingerprint = fingerprintOf(small.trace);
    const damaged = await openPartFile(part, fingerprint, chunkCount());
    expect(damaged.chunks.size).toBe(chunkCount() - 1);
    await damaged.close();
    const other = await openPartFile(
      part,
      fingerprint.map((byte) => byte ^ 1),
      chunkCount(),
    );
    expect(other.chunks.size).toBe(0);
    await other.close();
    await rm(part);
  });

  it('are none of another trace', async () => {
    const other = await writeSmallTrace({
      seed: 9,
      executions: 50,
      streams: 1,
      oddity: 0,
      blockCount: 5,
    });
    try {
      expect(await openViewIndex(file, other.trace, NO_CHUNKS)).toBeUndefined();
      expect(await openViewIndex(`${file}.none`, small.trace, NO_CHUNKS)).toBeUndefined();
      const notes = path.join(small.folder, 'notes.txt');
      await writeFile(notes, 'mine');
      for (const somebodys of [small.file, notes]) {
        await expect(openViewIndex(somebodys, small.trace, NO_CHUNKS)).rejects.toMatchObject({
          kind: 'bad-argument',
        });
      }
    } finally {
      await other.trace.close();
      await rm(other.folder, { recursive: true });
    }
  });

  it('of another version are made anew, not read', async () => {
    const old = path.join(small.folder, 'old.view');
    const withVersion = (bytes: Buffer, version: number): Buffer => {
      const copy = Buffer.from(bytes);
      copy.writeUInt32LE(version, 8);
      return copy;
    };
    const version = whole.readUInt32LE(8);
    for (const other of [version - 1, version + 1]) {
      await writeFile(old, withVersion(whole, other));
      expect(await openViewIndex(old, small.trace, NO_CHUNKS)).toBeUndefined();
      await writeFile(`${old}.part`, withVersion(partBytes, other));
      const counted = await openPartFile(`${old}.part`, fingerprintOf(small.trace), chunkCount());
      expect(counted.chunks.size).toBe(0);
      await counted.close();
    }
    await buildViewIndex(small.trace, old, { workerUrl: BUILD_WORKER });
    expect(await readFile(old)).toEqual(whole);
  });

  it('that the system refuses to write are no bug', async () => {
    const working = path.join(small.folder, 'a.new');
    await expect(createIndexWriter(file, path.join(working, 'in-no-folder'))).rejects.toMatchObject(
      { kind: 'io' },
    );
    const writer = await createIndexWriter(small.folder, working);
    const nothing = { fingerprint: '', virtual: null, physical: null, streams: [], damaged: [] };
    await expect(writer.finish(nothing)).rejects.toMatchObject({
      ...{ kind: 'io', facts: { file: small.folder } },
    });
    await writer.close();
  });

  /** Everything that there is to ask, as text. */
  const askAll = async (copy: string): Promise<string | undefined> => {
    const index = await openViewIndex(copy, small.trace, NO_CHUNKS);
    if (index === undefined) return undefined;
    try {
      const to = small.seen.accesses.length;
      const answers: unknown[] = [];
      for (const space of ['virtual', 'physical'] as const) {
        const high = index.pages[space]?.count ?? 0;
        const query = {
          space,
          stream: 0,
          from: 0,
          to,
          columns: 3,
          low: 0,
          high,
          rows: 9,
          patienceMs: 0,
        };
        answers.push(index.pages[space]?.addressOf(high - 1), await index.tile(query));
      }
      answers.push(await index.tracks({ stream: 0, from: 0, to, columns: 10 }));
      return JSON.stringify(answers, (_key, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      );
    } finally {
      await index.close();
    }
  };

  it('that are damaged are refused or make no difference', async () => {
    const right = requireDefined(await askAll(file), 'the index is whole');
    const random = prngFromSeed(1);
    const copy = path.join(small.folder, 'copy.view');
    let refused = 0;
    for (let round = 0; round < 150; round++) {
      const changed = Buffer.from(whole);
      const at = random.nextInRange(0, whole.length);
      changed[at] = (changed[at] ?? 0) ^ (1 << random.nextInRange(0, 8));
      await writeFile(copy, changed);
      const outcome = await askAll(copy).catch((error: unknown) => {
        if (!(error instanceof TraceError) || error.facts.file !== copy) throw error;
        refused++;
        return error.kind;
      });
      expect([right, undefined, 'checksum', 'corrupt', 'truncated']).toContain(outcome);
    }
    expect(refused).toBeGreaterThan(100);
    for (let length = whole.length - 1; length >= 0; length -= Math.ceil(whole.length / 60)) {
      await copyFile(file, copy);
      await truncate(copy, length);
      await expect(openViewIndex(copy, small.trace, NO_CHUNKS)).rejects.toBeInstanceOf(TraceError);
    }
  });
});
